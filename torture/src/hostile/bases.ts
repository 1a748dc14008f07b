import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";

import type { Base } from "./base.ts";
import { vdiBase, vhdBase, vhdxBase, vmdkBase } from "./other-places.ts";
import { qcow2Base } from "./qcow2-places.ts";

const PACKAGES = join(import.meta.dirname, "..", "..", "..", "packages");

const makers = { qcow2: qcow2Base, vdi: vdiBase, vhd: vhdBase, vhdx: vhdxBase, vmdk: vmdkBase };

/** The images of a format that its package keeps, all of them made by QEMU. */
export function basesOf(format: Base["format"]): Base[] {
  const folder = join(PACKAGES, format, "test", "fixtures");
  const names = readdirSync(folder).filter((name) => name.endsWith(".gz"));
  return names.map((name) => makers[format](basename(name, ".gz"), gunzipSync(readFileSync(join(folder, name)))));
}

let known: readonly Base[] | undefined;

/** All images that are mutated; read once. */
export function allBases(): readonly Base[] {
  // Each of the four other formats has a turn for every one of qcow2 images' own.
  known ??= (["qcow2", "vdi", "vhd", "vhdx", "vmdk"] as const).flatMap(basesOf);
  return known;
}
