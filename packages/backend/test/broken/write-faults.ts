import { BackendError, type CallOptions, type MemoryBackend } from "../../src/index.js";
import { Delegate } from "./delegate.js";
import { BLOCK, type Fault, pause } from "./fault.js";

const whole = "write > writes the whole source and nothing beside it";
const fixed = "write past the end > rejects with ERR_RANGE and changes nothing, without grow";

/** Stores at the next sync once more what it has kept of what was written. */
class StoredAgain extends Delegate {
  readonly #keep: (source: Uint8Array) => Uint8Array;
  readonly #kept: [source: Uint8Array, offset: number][] = [];

  constructor(inner: MemoryBackend, keep: (source: Uint8Array) => Uint8Array) {
    super(inner);
    this.#keep = keep;
  }

  override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    await super.write(source, offset, options);
    this.#kept.push([this.#keep(source), offset]);
  }

  override async sync(options?: CallOptions): Promise<void> {
    for (const [source, offset] of this.#kept.splice(0)) await this.inner.write(source, offset);
    await super.sync(options);
  }
}

export const writeFaults: readonly Fault[] = [
  {
    fault: "a write that ends within a block leaves out its last byte",
    rule: whole,
    wrap: (inner) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const short = this.sound(offset, source.length) && (offset + source.length) % BLOCK > 0;
          await super.write(short ? source.subarray(0, -1) : source, offset, options);
        }
      })(inner),
  },
  {
    fault: "a write zeroes the rest of its last sector",
    rule: whole,
    wrap: (inner) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          await super.write(source, offset, options);
          const end = offset + source.length;
          if (source.length > 0) await this.inner.writeZeroes(end, Math.min(16 - (end % 16), this.size - end));
        }
      })(inner),
  },
  {
    fault: "a write of zeroes is left out, since they are zeroes anyway",
    rule: "write > writes zeroes as it writes other bytes",
    wrap: (inner) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const skip = this.sound(offset, source.length) && source.every((byte) => byte === 0);
          await super.write(skip ? new Uint8Array(0) : source, offset, options);
        }
      })(inner),
  },
  {
    fault: "a write keeps a slice of its source, which is no copy of a Buffer, and stores it at the next sync",
    rule: "write > does not look at its source after it has settled",
    wrap: (inner) => new StoredAgain(inner, (source) => source.slice()),
  },
  {
    fault: "a write keeps its source, and stores it at the next sync",
    rule: "write > does not look at its source after it has settled",
    wrap: (inner) => new StoredAgain(inner, (source) => source),
  },
  {
    fault: "a write wipes its source",
    rule: "write > takes a subarray, and only reads its source",
    wrap: (inner) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          await super.write(source, offset, options);
          source.fill(0);
        }
      })(inner),
  },
  {
    fault: "a write at a negative offset goes to the start",
    rule: "write > at an impossible offset rejects with ERR_RANGE and changes nothing",
    wrap: (inner) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          await super.write(source, Math.max(0, offset), options);
        }
      })(inner),
  },
  {
    fault: "what a write has past the end of a disk is dropped in silence",
    rule: fixed,
    manifest: { grow: false, truncate: false },
    wrap: (inner, manifest) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          await super.write(source.subarray(0, Math.max(0, this.size - offset)), offset, options);
        }
      })(inner, manifest),
  },
  {
    fault: "a write past the end of a disk is refused after the part that fits was written",
    rule: fixed,
    manifest: { grow: false, truncate: false },
    wrap: (inner, manifest) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const fits = source.subarray(0, Math.max(0, this.size - offset));
          await super.write(fits, offset, options);
          if (fits.length < source.length) throw new BackendError("ERR_RANGE", "broken: past the end");
        }
      })(inner, manifest),
  },
  {
    fault: "a gap that growing leaves is not zeroed",
    rule: "write past the end > far behind the end leaves a gap of zeroes, and the size follows",
    wrap: (inner) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const end = this.size;
          await super.write(source, offset, options);
          if (offset > end && source.length > 0) await this.inner.write(new Uint8Array(offset - end).fill(0xcc), end);
        }
      })(inner),
  },
  {
    fault: "the size grows at the next sync only",
    rule: "write past the end > at the end appends, and the size follows",
    wrap: (inner) =>
      new (class extends Delegate {
        #known = inner.size;

        override get size(): number {
          return this.#known;
        }

        override async truncate(size: number, options?: CallOptions): Promise<void> {
          await super.truncate(size, options);
          this.#known = size;
        }

        override async sync(options?: CallOptions): Promise<void> {
          await super.sync(options);
          this.#known = this.inner.size;
        }
      })(inner),
  },
  {
    fault: "writes that grow side by side each set the size",
    rule: "write past the end > side by side keeps every write, and the furthest makes the size",
    wrap: (inner) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const grows = offset + source.length > this.size;
          await super.write(source, offset, options);
          await pause();
          if (grows) await this.inner.truncate(offset + source.length);
        }
      })(inner),
  },
  {
    fault: "writes into one block read it, change it and write it back, all at once",
    rule: "side by side > small writes into one block are all kept",
    wrap: (inner) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const start = offset - (offset % BLOCK);
          if (
            !this.sound(offset, source.length) ||
            !this.sound(start, BLOCK) ||
            offset + source.length > start + BLOCK
          ) {
            return super.write(source, offset, options);
          }
          options?.signal?.throwIfAborted();
          const block = new Uint8Array(BLOCK);
          await this.inner.read(block, start);
          await pause();
          block.set(source, offset - start);
          await this.inner.write(block, start);
        }
      })(inner),
  },
  {
    fault: "every fortieth write is lost",
    rule: "random operations do to the backend what they do to a plain array",
    wrap: (inner) =>
      new (class extends Delegate {
        #writes = 0;

        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const lost = source.length > 0 && ++this.#writes % 40 === 0;
          await super.write(lost ? new Uint8Array(0) : source, offset, options);
        }
      })(inner),
  },
];
