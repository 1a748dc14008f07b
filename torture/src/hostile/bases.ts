import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";

import type { Base } from "./base.ts";
import { vdiBase, vhdBase, vhdxBase, vmdkBase } from "./other-places.ts";
import { qcow2Base } from "./qcow2-places.ts";

const PACKAGES = join(import.meta.dirname, "..", "..", "..", "packages");

const makers = { qcow2: qcow2Base, vdi: vdiBase, vhd: vhdBase, vhdx: vhdxBase, vmdk: vmdkBase };

const FORMATS = ["qcow2", "vdi", "vhd", "vhdx", "vmdk"] as const;

/** Files with the images of all formats that the packages keep, all of them made by QEMU. */
const files: readonly { readonly format: Base["format"]; readonly path: string }[] = FORMATS.flatMap((format) => {
  const folder = join(PACKAGES, format, "test", "fixtures");
  const names = readdirSync(folder).filter((name) => name.endsWith(".gz"));
  return names.toSorted().map((name) => ({ format, path: join(folder, name) }));
});

/** How many images there are. */
export const baseCount: number = files.length;

/** The image of a number; numbers go round. */
export function loadBase(number: number): Base {
  const file = files[number % files.length];
  if (!file) throw new Error("there are no images");
  return makers[file.format](basename(file.path, ".gz"), gunzipSync(readFileSync(file.path)));
}

/** The image of a name. */
export function baseNamed(format: Base["format"], title: string): Base {
  return loadBase(files.findIndex((file) => file.format === format && basename(file.path, ".gz") === title));
}
