import { type Backend, BackendError, type Capabilities, type Extent } from "@instar/backend";

const SECTOR = 512;
const DONE = Promise.resolve();
const ZEROES = new Uint8Array(SECTOR);

/**
 * A file as a power cut left it: bytes that are shared with others, and sectors of its own over them. It can be written
 * to, which changes nothing but itself. Made by the hundred thousand, so it does no more than it must.
 */
export class CrashFile implements Backend {
  readonly name = "crashed";
  readonly capabilities: Capabilities;
  readonly #below: Uint8Array;
  /** From here on what is below does not show. */
  #limit: number;
  #size: number;
  readonly #own = new Map<number, Uint8Array>();
  /** How many requests have changed it. */
  changes = 0;

  /** @param below - bytes that do not change while this file is used */
  constructor(below: Uint8Array, writeZeroes = false) {
    this.#below = below;
    this.#limit = this.#size = below.byteLength;
    this.capabilities = {
      write: true,
      grow: true,
      truncate: true,
      writeZeroes,
      discard: writeZeroes,
      allocate: false,
      extents: true,
      durable: true,
    };
  }

  get size(): number {
    return this.#size;
  }

  /** Puts bytes of one sector. */
  put(source: Uint8Array, offset: number): void {
    this.#sector(Math.floor(offset / SECTOR)).set(source, offset % SECTOR);
    this.#size = Math.max(this.#size, offset + source.byteLength);
  }

  /** Zeroes bytes of one sector that lie within the file. */
  zero(offset: number, length: number): void {
    if (offset < this.#size)
      this.#sector(Math.floor(offset / SECTOR)).fill(0, offset % SECTOR, (offset % SECTOR) + length);
  }

  resize(size: number): void {
    if (size < this.#size) {
      if (size % SECTOR > 0) this.#sector(Math.floor(size / SECTOR)).fill(0, size % SECTOR);
      for (const index of this.#own.keys()) if (index * SECTOR >= size) this.#own.delete(index);
      this.#limit = Math.min(this.#limit, size);
    }
    this.#size = size;
  }

  read(target: Uint8Array, offset: number): Promise<void> {
    const end = offset + target.byteLength;
    if (end > this.#size) return Promise.reject(new BackendError("ERR_RANGE", `read to ${end} of ${this.#size}`));
    const shown = this.#below.subarray(offset, Math.min(end, this.#limit));
    target.set(shown);
    if (shown.byteLength < target.byteLength) target.fill(0, shown.byteLength);
    if (this.#own.size > 0) this.#readOwn(target, offset, end);
    return DONE;
  }

  write(source: Uint8Array, offset: number): Promise<void> {
    this.changes++;
    for (let at = 0; at < source.byteLength;) {
      const stop = Math.min(source.byteLength, at + SECTOR - ((offset + at) % SECTOR));
      this.put(source.subarray(at, stop), offset + at);
      at = stop;
    }
    return DONE;
  }

  truncate(size: number): Promise<void> {
    this.changes++;
    this.resize(size);
    return DONE;
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    this.changes++;
    for (let at = offset; at < offset + length;) {
      const stop = Math.min(offset + length, at + SECTOR - (at % SECTOR));
      this.zero(at, stop - at);
      at = stop;
    }
    return DONE;
  }

  discard(offset: number, length: number): Promise<void> {
    return this.writeZeroes(offset, length);
  }

  allocate(): Promise<void> {
    return Promise.reject(new BackendError("ERR_UNSUPPORTED", "crashed: no allocate"));
  }

  sync(): Promise<void> {
    return DONE;
  }

  async *extents(offset: number, length: number): AsyncGenerator<Extent> {
    if (length > 0) yield { offset, length, kind: "data" };
  }

  close(): Promise<void> {
    return DONE;
  }

  /** All bytes. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.#size);
    void this.read(all, 0);
    return all;
  }

  #readOwn(target: Uint8Array, offset: number, end: number): void {
    const last = Math.ceil(end / SECTOR);
    for (let index = Math.floor(offset / SECTOR); index < last; index++) {
      const sector = this.#own.get(index);
      if (!sector) continue;
      const at = index * SECTOR - offset;
      if (at < 0) target.set(sector.subarray(-at, end - index * SECTOR), 0);
      else if (at + SECTOR > target.byteLength) target.set(sector.subarray(0, target.byteLength - at), at);
      else target.set(sector, at);
    }
  }

  #sector(index: number): Uint8Array {
    const known = this.#own.get(index);
    if (known) return known;
    const at = index * SECTOR;
    const sector = at < this.#limit ? new Uint8Array(SECTOR) : ZEROES.slice();
    if (at < this.#limit) sector.set(this.#below.subarray(at, Math.min(at + SECTOR, this.#limit)));
    this.#own.set(index, sector);
    return sector;
  }
}
