import { type Backend, type CallOptions, zeroRange } from "@instar/backend";
import { DirectWrites } from "@instar/lru-cache";

/** Zeroes that are written at once behind the end of the file. */
const CHUNK = 262_144;

/** The file of an image: counts what is written to it, so that syncs can be shared, and left out where nothing was. */
export class HostFile {
  readonly backend: Backend;
  /** Whatever is written to the file. Its sync is the sync of the file. */
  readonly everything: DirectWrites;
  /** What is written past the caches: guest data, and new tables before anything points to them. */
  readonly data: DirectWrites;

  constructor(backend: Backend) {
    this.backend = backend;
    this.everything = new DirectWrites({ name: "file", sync: () => backend.sync() });
    this.data = new DirectWrites({ name: "data", sync: () => this.everything.sync() });
  }

  /** What to call the image in messages. */
  get name(): string {
    return this.backend.name;
  }

  /** Length in bytes. */
  get size(): number {
    return this.backend.size;
  }

  /** Fills `target`. The last cluster of an image may be cut short by the end of the file; the rest of it is zero. */
  read(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    const call: CallOptions | undefined = signal && { signal };
    const present = this.size - offset;
    if (present >= target.byteLength) return this.backend.read(target, offset, call);
    target.fill(0, Math.max(0, present));
    return present > 0 ? this.backend.read(target.subarray(0, present), offset, call) : Promise.resolve();
  }

  /** Writes what a cache has held. */
  async write(source: Uint8Array, offset: number): Promise<void> {
    await this.backend.write(source, offset);
    this.everything.wrote();
  }

  /** Writes past the caches. */
  async writeData(source: Uint8Array, offset: number): Promise<void> {
    await this.backend.write(source, offset);
    this.wroteData();
  }

  /** To be called when the content of the file has been changed past the caches. */
  wroteData(): void {
    this.everything.wrote();
    this.data.wrote();
  }

  /** Zeroes past the caches; grows the file where the range ends behind it. */
  async zero(offset: number, length: number): Promise<void> {
    const inside = Math.max(0, Math.min(length, this.size - offset));
    if (inside > 0) await zeroRange(this.backend, offset, inside);
    const zeroes = new Uint8Array(Math.min(CHUNK, length - inside));
    for (let at = inside; at < length; at += CHUNK) {
      await this.backend.write(zeroes.subarray(0, Math.min(CHUNK, length - at)), offset + at);
    }
    this.wroteData();
  }

  /** Gives space back; the range reads as old content or zeroes from then on. Needs no sync. */
  discard(offset: number, length: number): Promise<void> {
    return this.backend.discard(offset, length);
  }

  /** Makes the file shorter, durably. */
  async truncate(size: number): Promise<void> {
    await this.backend.truncate(size);
    this.everything.wrote();
    await this.sync();
  }

  /** Makes durable what has been written; does nothing where nothing has been since the last sync. */
  sync(): Promise<void> {
    return this.everything.sync();
  }
}
