import { type FileHandle, readFile } from "node:fs/promises";

import { readAt } from "./positioned-io.js";

/** Unit in which systems read devices and in which Linux tells their size. */
const SECTOR = 512;

/** Size in bytes of an open block device, for which `stat` says 0: as Linux tells it, else by looking for its end. */
export async function deviceSize(file: FileHandle, device: bigint): Promise<number> {
  const told = await readFile(`/sys/dev/block/${deviceNumbers(device)}/size`, "latin1").catch(() => "");
  if (/^\d+\n$/.test(told)) return Number(told) * SECTOR;
  return sizeByReading(async (offset) => {
    const sector = new Uint8Array(SECTOR);
    return (await readAt(file.fd, sector, offset)) === SECTOR;
  });
}

/** Finds where a device ends by asking whether the sector at an offset can be read: some hundred times at most. */
export async function sizeByReading(readable: (offset: number) => Promise<boolean>): Promise<number> {
  // In sectors: every one below `low` is there, the one at `high` is not.
  let low = 0;
  let high = 1;
  while (await readable((high - 1) * SECTOR)) {
    low = high;
    high *= 2;
    if (high * SECTOR > Number.MAX_SAFE_INTEGER) break;
  }
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (await readable((middle - 1) * SECTOR)) low = middle;
    else high = middle;
  }
  return low * SECTOR;
}

/** `MAJOR:MINOR` of a Linux device number, as in `makedev(3)`. */
export function deviceNumbers(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn & 0xffff_ffffn);
  return `${major}:${minor}`;
}
