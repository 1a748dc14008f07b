import { ImageError } from "@instar/image-format";

import { guidAt, isText, readU64 } from "./bytes.js";
import { crc32c } from "./crc32c.js";
import { PAGE } from "./patched-file.js";

/** One entry of a log, checked. Offsets are bytes of the log. */
export interface LogEntry {
  readonly position: number;
  readonly length: number;
  /** Where the oldest entry stands that had not been written out when this one was made. */
  readonly tail: number;
  readonly sequence: bigint;
  readonly descriptors: number;
  /** The least size of the file when the entry was made, in bytes of the file. */
  readonly flushedFileOffset: number;
  /** The size of the file that everything fits into. */
  readonly lastFileOffset: number;
}

/** What an entry changes. Offsets and lengths are bytes of the file. */
export type LogChange =
  | { readonly kind: "zero"; readonly offset: number; readonly length: number }
  | { readonly kind: "data"; readonly offset: number; readonly page: Uint8Array };

const HEADER = 64;
const DESCRIPTOR = 32;

/** A log, whose entries may run over its end and go on at its beginning. */
export class LogBytes {
  readonly #where: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #guid: string;
  readonly #entries = new Map<number, LogEntry | undefined>();
  /** Bytes of checksums that may still be computed: entries that overlap could make that endless. */
  #budget: number;

  constructor(where: string, bytes: Uint8Array<ArrayBuffer>, guid: string) {
    this.#where = where;
    this.#bytes = bytes;
    this.#guid = guid;
    this.#budget = 8 * bytes.length;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /**
   * The entry at a place, if there is a valid one.
   *
   * @throws {@link ImageError} `ERR_CORRUPT` where what looks like entries overlaps far more than a log can
   */
  entryAt(position: number): LogEntry | undefined {
    if (!this.#entries.has(position)) this.#entries.set(position, this.#parse(position));
    return this.#entries.get(position);
  }

  /** What a valid entry changes, in order. The pages are parts of the log, made ready for the file: ask only once. */
  *changes(entry: LogEntry): Generator<LogChange> {
    let next = descriptorPages(entry.descriptors);
    for (let index = 0; index < entry.descriptors; index++) {
      const view = this.#descriptor(entry, index);
      const offset = readU64(view, 16);
      if (isText(view, 0, "zero")) {
        yield { kind: "zero", offset, length: readU64(view, 8) };
        continue;
      }
      const page = this.#page(entry.position + next++ * PAGE);
      // The first eight bytes and the last four gave way to the marks of the log.
      page.set(new Uint8Array(view.buffer, view.byteOffset + 8, 8));
      page.set(new Uint8Array(view.buffer, view.byteOffset + 4, 4), PAGE - 4);
      yield { kind: "data", offset, page };
    }
  }

  #parse(position: number): LogEntry | undefined {
    const view = this.#view(position, HEADER);
    if (!isText(view, 0, "loge") || guidAt(view, 32) !== this.#guid) return undefined;
    const length = view.getUint32(8, true);
    const entry = {
      position,
      length,
      tail: view.getUint32(12, true),
      sequence: view.getBigUint64(16, true),
      descriptors: view.getUint32(24, true),
      flushedFileOffset: readU64(view, 48),
      lastFileOffset: readU64(view, 56),
    };
    if (length === 0 || length % PAGE !== 0 || length > this.length || entry.sequence === 0n) return undefined;
    if (HEADER + entry.descriptors * DESCRIPTOR > length) return undefined;
    this.#budget -= length;
    if (this.#budget < 0) {
      const rule = "not have entries that lie one over the other";
      throw new ImageError("vhdx", "ERR_CORRUPT", `${this.#where}: the log is contradictory, must ${rule}`, {
        field: "log",
        rule,
      });
    }
    const first = this.#bytes.subarray(position, position + length);
    const rest = this.#bytes.subarray(0, length - first.length);
    if (crc32c([first, rest], 4) !== view.getUint32(4, true)) return undefined;
    return this.#isWhole(entry) ? entry : undefined;
  }

  /** Whether all descriptors and pages belong to the entry. */
  #isWhole(entry: LogEntry): boolean {
    let next = descriptorPages(entry.descriptors);
    for (let index = 0; index < entry.descriptors; index++) {
      const view = this.#descriptor(entry, index);
      const zero = isText(view, 0, "zero");
      if (!zero && !isText(view, 0, "desc")) return false;
      if (view.getBigUint64(24, true) !== entry.sequence) return false;
      const offset = readU64(view, 16);
      const length = zero ? readU64(view, 8) : PAGE;
      if (offset % PAGE !== 0 || length % PAGE !== 0 || !Number.isSafeInteger(offset + length)) return false;
      if (zero) continue;
      if ((next + 1) * PAGE > entry.length) return false;
      const page = this.#view(entry.position + next++ * PAGE, PAGE);
      const sequence = (BigInt(page.getUint32(4, true)) << 32n) | BigInt(page.getUint32(PAGE - 4, true));
      if (!isText(page, 0, "data") || sequence !== entry.sequence) return false;
    }
    return true;
  }

  #descriptor(entry: LogEntry, index: number): DataView {
    return this.#view(entry.position + HEADER + index * DESCRIPTOR, DESCRIPTOR);
  }

  #page(position: number): Uint8Array {
    const start = position % this.length;
    return this.#bytes.subarray(start, start + PAGE);
  }

  /** Bytes that do not cross the end of a page, and so not that of the log. */
  #view(position: number, length: number): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + (position % this.length), length);
  }
}

function descriptorPages(descriptors: number): number {
  return Math.ceil((HEADER + descriptors * DESCRIPTOR) / PAGE);
}
