import type { CrashFile } from "../storage/crash-file.ts";

/** A number somewhere in an image. */
export interface Place {
  readonly name: string;
  readonly offset: number;
  /** Bytes. */
  readonly width: 1 | 2 | 4 | 8;
  readonly littleEndian?: boolean;
}

/** A sound image, and where to hurt it. */
export interface Base {
  readonly title: string;
  readonly format: "qcow2" | "vdi" | "vhd" | "vhdx" | "vmdk";
  readonly bytes: Uint8Array;
  readonly places: readonly Place[];
  /** Values of the image's own that make sense in its places: where its structures are, in its units. */
  readonly values: readonly bigint[];
  /** Makes checksums fit again, so that what is checked behind them is reached. */
  readonly seal?: (file: CrashFile) => void;
}

/** Numbers in a row. */
export function row(
  name: string,
  offset: number,
  count: number,
  width: Place["width"],
  littleEndian = false,
): readonly Place[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${name} ${index}`,
    offset: offset + index * width,
    width,
    littleEndian,
  }));
}
