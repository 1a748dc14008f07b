import type { Backend } from "@instar/backend";

import { ruleError } from "./rule-error.js";

/** Bytes of an extent that are stored in one place, or nowhere. */
export type Run =
  | { readonly kind: "data"; readonly length: number; readonly file: Backend; readonly fileOffset: number }
  | { readonly kind: "compressed"; readonly length: number; readonly grain: CompressedGrain; readonly inGrain: number }
  | { readonly kind: "absent" | "zero"; readonly length: number };

/** A grain that has to be unpacked. */
export interface CompressedGrain {
  readonly file: Backend;
  /** Where its marker stands in the file. */
  readonly fileOffset: number;
  /** Bytes of a whole grain; the last one of a disk may be shorter. */
  readonly size: number;
}

/** One part of a disk. Offsets count from its own beginning. */
export interface DiskExtent {
  /** Guest bytes. */
  readonly size: number;
  /** The file that it is stored in. */
  readonly file: Backend | undefined;
  /** Whether its file is a raw one, which may itself have holes. */
  readonly flat: boolean;
  /** Bytes of a grain, where it has grains. */
  readonly grainSize: number | undefined;
  /** Whether its grains are compressed. */
  readonly compressed: boolean;
  /** The run that begins at an offset and ends at `end` at the latest. */
  run(offset: number, end: number, signal: AbortSignal | undefined): Promise<Run>;
}

/** An extent that is a range of a file. */
export class FlatExtent implements DiskExtent {
  readonly size: number;
  readonly file: Backend;
  readonly flat = true;
  readonly grainSize = undefined;
  readonly compressed = false;
  readonly #start: number;

  /** @throws {@link ImageError} `ERR_TRUNCATED` where the file is shorter */
  constructor(file: Backend, start: number, size: number) {
    if (file.size < start + size) {
      const rule = `be ${start + size} at least, where the extent ends`;
      throw ruleError("ERR_TRUNCATED", file.name, "size of the file", file.size, rule);
    }
    this.file = file;
    this.size = size;
    this.#start = start;
  }

  async run(offset: number, end: number): Promise<Run> {
    return { kind: "data", length: end - offset, file: this.file, fileOffset: this.#start + offset };
  }
}

/** An extent without a file. */
export class ZeroExtent implements DiskExtent {
  readonly size: number;
  readonly file = undefined;
  readonly flat = false;
  readonly grainSize = undefined;
  readonly compressed = false;

  constructor(size: number) {
    this.size = size;
  }

  async run(offset: number, end: number): Promise<Run> {
    return { kind: "zero", length: end - offset };
  }
}
