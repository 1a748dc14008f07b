import type { Extent } from "./contract.js";
import { BackendError } from "./errors.js";

const PAGE = 65_536;

/** Sparse bytes in memory: pages of 64 KiB, of which only those that were written to exist. */
export class MemoryPages {
  #size: number;
  readonly #pages = new Map<number, Uint8Array>();

  /** @param size - length in bytes; all of it reads as zeroes and costs nothing. */
  constructor(size = 0) {
    this.#size = size;
  }

  /** Length in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that are really held. */
  get allocated(): number {
    return this.#pages.size * PAGE;
  }

  /** Fills `target` from `offset`; the range lies within the size. */
  read(target: Uint8Array, offset: number): void {
    for (let at = 0; at < target.byteLength;) {
      const from = (offset + at) % PAGE;
      const length = Math.min(PAGE - from, target.byteLength - at);
      const page = this.#pages.get((offset + at - from) / PAGE);
      if (page) target.set(page.subarray(from, from + length), at);
      else target.fill(0, at, at + length);
      at += length;
    }
  }

  /**
   * Writes `source` at `offset`, and grows where it ends past the end.
   *
   * @throws {@link BackendError} `ERR_NO_SPACE` when no memory is left; nothing has changed then.
   */
  write(source: Uint8Array, offset: number): void {
    if (source.byteLength === 0) return;
    this.allocate(offset, source.byteLength);
    for (let at = 0; at < source.byteLength;) {
      const from = (offset + at) % PAGE;
      const length = Math.min(PAGE - from, source.byteLength - at);
      this.#page((offset + at - from) / PAGE).set(source.subarray(at, at + length), from);
      at += length;
    }
  }

  /**
   * Makes the pages of a range that is not empty exist, and grows where it ends past the end.
   *
   * @throws {@link BackendError} `ERR_NO_SPACE` when no memory is left; nothing that is read has changed then.
   */
  allocate(offset: number, length: number): void {
    const end = offset + length;
    for (let index = Math.floor(offset / PAGE); index * PAGE < end; index++) this.#page(index);
    this.#size = Math.max(this.#size, end);
  }

  /** Makes a range read as zeroes, and frees the pages that lie wholly in it. */
  zero(offset: number, length: number): void {
    const end = offset + length;
    const first = Math.ceil(offset / PAGE);
    const last = Math.floor(end / PAGE);
    if (first > last) {
      this.#pages.get(last)?.fill(0, offset % PAGE, end % PAGE);
      return;
    }
    for (const index of this.#present(first, last)) this.#pages.delete(index);
    if (offset % PAGE > 0) this.#pages.get(first - 1)?.fill(0, offset % PAGE);
    if (end % PAGE > 0) this.#pages.get(last)?.fill(0, 0, end % PAGE);
  }

  /** Sets the size. What is cut off is gone. */
  resize(size: number): void {
    // Up to the end of the last page, so that it is freed as well.
    if (size < this.#size) this.zero(size, Math.ceil(this.#size / PAGE) * PAGE - size);
    this.#size = size;
  }

  /** Extents of a range: `data` where pages exist, `hole` elsewhere; neighbours of one kind are one extent. */
  *extents(offset: number, length: number): Generator<Extent> {
    const end = offset + length;
    let at = offset;
    let dataEnd = offset;
    for (const index of this.#present(Math.floor(offset / PAGE), Math.ceil(end / PAGE))) {
      const from = Math.max(offset, index * PAGE);
      if (from > dataEnd) {
        if (dataEnd > at) yield { offset: at, length: dataEnd - at, kind: "data" };
        yield { offset: dataEnd, length: from - dataEnd, kind: "hole" };
        at = from;
      }
      dataEnd = Math.min(end, (index + 1) * PAGE);
    }
    if (dataEnd > at) yield { offset: at, length: dataEnd - at, kind: "data" };
    if (end > dataEnd) yield { offset: dataEnd, length: end - dataEnd, kind: "hole" };
  }

  /** Ascending indices of the pages from `first` up to, not including, `last` that exist. */
  #present(first: number, last: number): number[] {
    // Costs what exists or what was asked for, whichever is less: a range may span a disk of terabytes.
    if (last - first > this.#pages.size) {
      return [...this.#pages.keys()].filter((index) => index >= first && index < last).toSorted((a, b) => a - b);
    }
    const found: number[] = [];
    for (let index = first; index < last; index++) if (this.#pages.has(index)) found.push(index);
    return found;
  }

  #page(index: number): Uint8Array {
    let page = this.#pages.get(index);
    if (!page) {
      try {
        page = new Uint8Array(PAGE);
        this.#pages.set(index, page);
      } catch (cause) {
        throw new BackendError("ERR_NO_SPACE", "memory: no memory is left for another page", { cause });
      }
    }
    return page;
  }
}
