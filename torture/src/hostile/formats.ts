import { type Backend, isBackendError, MemoryBackend } from "@instar/backend";
import { isImageError } from "@instar/image-format";
import { isQcow2Error, Qcow2Image } from "@instar/qcow2";
import { VdiImage } from "@instar/vdi";
import { VhdImage } from "@instar/vhd";
import { VhdxImage } from "@instar/vhdx";
import { VmdkImage } from "@instar/vmdk";

import type { Base } from "./base.ts";

/** Opens images of a format; what they name is an empty disk. */
export type Opener = (file: Backend, write: boolean) => Promise<Backend>;

const named = async (): Promise<Backend> => new MemoryBackend({ size: 2 ** 20 });

/** How to open images of each format. */
export const openers: Readonly<Record<Base["format"], Opener>> = {
  qcow2: (file, write) => Qcow2Image.open(file, { write, openReferenced: named }),
  vdi: (file) => VdiImage.open(file),
  vhd: (file) => VhdImage.open(file, { openReferenced: named }),
  vhdx: (file) => VhdxImage.open(file, { openReferenced: named }),
  vmdk: (file) => VmdkImage.open(file, { openReferenced: named }),
};

/** Whether an error is one of the packages' own, with a code. */
export function isOwn(error: unknown): boolean {
  return isQcow2Error(error) || isImageError(error) || isBackendError(error);
}
