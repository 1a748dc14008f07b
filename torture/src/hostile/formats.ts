import { type Backend, isBackendError, MemoryBackend } from "@instar/backend";
import { isImageError } from "@instar/image-format";
import * as qcow2 from "@instar/qcow2";
import * as vdi from "@instar/vdi";
import * as vhd from "@instar/vhd";
import * as vhdx from "@instar/vhdx";
import * as vmdk from "@instar/vmdk";

import type { Base } from "./base.ts";

/** Opens images of a format; what they name is an empty disk. */
export type Opener = (file: Backend, write: boolean) => Promise<Backend>;

/** The packages that open images. */
export interface Parsers {
  readonly qcow2: Pick<typeof qcow2, "Qcow2Image">;
  readonly vdi: Pick<typeof vdi, "VdiImage">;
  readonly vhd: Pick<typeof vhd, "VhdImage">;
  readonly vhdx: Pick<typeof vhdx, "VhdxImage">;
  readonly vmdk: Pick<typeof vmdk, "VmdkImage">;
}

const named = async (): Promise<Backend> => new MemoryBackend({ size: 2 ** 20 });

/** How to open images of each format. */
export function openersOf(parsers: Parsers): Readonly<Record<Base["format"], Opener>> {
  return {
    qcow2: (file, write) => parsers.qcow2.Qcow2Image.open(file, { write, openReferenced: named }),
    vdi: (file) => parsers.vdi.VdiImage.open(file),
    vhd: (file) => parsers.vhd.VhdImage.open(file, { openReferenced: named }),
    vhdx: (file) => parsers.vhdx.VhdxImage.open(file, { openReferenced: named }),
    vmdk: (file) => parsers.vmdk.VmdkImage.open(file, { openReferenced: named }),
  };
}

/** The packages as everybody loads them. */
export const openers: Readonly<Record<Base["format"], Opener>> = openersOf({ qcow2, vdi, vhd, vhdx, vmdk });

/** Whether an error is one of the packages' own, with a code. */
export function isOwn(error: unknown): boolean {
  return isImageError(error) || isBackendError(error);
}
