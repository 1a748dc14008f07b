import { type Backend, BaseBackend, type Capabilities, MemoryPages } from "@instar/backend";

import type { Random } from "../interop/random.js";
import { JitteryFile } from "./jittery-file.js";

/** Counts what happens, so that "before" has a meaning. */
export class Clock {
  #now = 0;

  tick(): number {
    return ++this.#now;
  }
}

interface Change {
  readonly kind: "write" | "truncate" | "discard";
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly begin: number;
  end: number;
}

interface Sync {
  readonly begin: number;
  end: number;
}

const SECTOR = 512;

/** A file that remembers every write and sync, and can tell what a power cut may have left of it. */
export class RecordingFile extends BaseBackend {
  readonly name: string = "recording";
  readonly capabilities: Capabilities;
  readonly #file: Backend;
  readonly #clock: Clock;
  readonly #changes: Change[] = [];
  readonly #syncs: Sync[] = [];

  constructor(clock: Clock, random: Random) {
    super();
    this.#file = new JitteryFile(new MemoryPages(), random);
    this.#clock = clock;
    this.capabilities = { ...this.#file.capabilities, writeZeroes: false };
  }

  get size(): number {
    return this.#file.size;
  }

  /** When each change and sync began. */
  get moments(): number[] {
    return [...this.#changes, ...this.#syncs].map(({ begin }) => begin);
  }

  /** When writes of the header began, and the moments right after them. */
  get switches(): number[] {
    const headers = this.#changes.filter(({ kind, offset }) => kind === "write" && offset === 0);
    return headers.flatMap(({ begin }) => [begin, begin + 1, begin + 2, begin + 4]);
  }

  /** What may be left at a moment: all that a sync has covered, and of the rest whatever sectors `keep` says. */
  after(moment: number, keep: () => boolean): MemoryPages {
    const pages = new MemoryPages();
    const synced = Math.max(0, ...this.#syncs.filter(({ end }) => end <= moment).map(({ begin }) => begin));
    for (const change of this.#changes) {
      if (change.begin > moment) break;
      const isSafe = change.end < synced;
      if (change.kind === "truncate") {
        if (isSafe || keep()) pages.resize(change.offset);
        continue;
      }
      for (let at = 0; at < change.bytes.byteLength;) {
        const end = Math.min(change.bytes.byteLength, at + SECTOR - ((change.offset + at) % SECTOR));
        if (isSafe || keep()) pages.write(change.bytes.subarray(at, end), change.offset + at);
        at = end;
      }
    }
    return pages;
  }

  protected doRead(target: Uint8Array, offset: number): Promise<void> {
    return this.#file.read(target, offset);
  }

  protected override doWrite(source: Uint8Array, offset: number): Promise<void> {
    return this.#change({ kind: "write", offset, bytes: source.slice() }, () => this.#file.write(source, offset));
  }

  protected override doTruncate(size: number): Promise<void> {
    return this.#change({ kind: "truncate", offset: size, bytes: new Uint8Array(0) }, () => this.#file.truncate(size));
  }

  /** What is discarded is zeroed, or not, sector by sector. */
  protected override doDiscard(offset: number, length: number): Promise<void> {
    return this.#change({ kind: "discard", offset, bytes: new Uint8Array(length) }, () =>
      this.#file.discard(offset, length),
    );
  }

  protected override async doSync(): Promise<void> {
    const sync = { begin: this.#clock.tick(), end: Infinity };
    this.#syncs.push(sync);
    await this.#file.sync();
    sync.end = this.#clock.tick();
  }

  async #change(what: Omit<Change, "begin" | "end">, run: () => Promise<void>): Promise<void> {
    const change = { ...what, begin: this.#clock.tick(), end: Infinity };
    this.#changes.push(change);
    await run();
    change.end = this.#clock.tick();
  }
}
