import type { CallOptions } from "../../src/index.js";
import { Delegate } from "./delegate.js";
import { BLOCK, type Fault } from "./fault.js";

const grows = "allocate > past the end grows by zeroes, also those of a gap, and the size follows";
const keeps = "allocate > changes nothing of what the range holds, data or zeroes, and nothing beside it";

export const allocateFaults: readonly Fault[] = [
  {
    fault: "allocate zeroes what was there",
    rule: keeps,
    wrap: (inner) =>
      new (class extends Delegate {
        override async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
          await super.allocate(offset, length, options);
          await this.inner.writeZeroes(offset, length);
        }
      })(inner),
  },
  {
    fault: "allocate shows what its space held before, where there were zeroes",
    rule: keeps,
    wrap: (inner) =>
      new (class extends Delegate {
        override async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
          await super.allocate(offset, length, options);
          const bytes = new Uint8Array(length);
          await this.inner.read(bytes, offset);
          await this.inner.write(
            bytes.map((byte) => byte || 0xcc),
            offset,
          );
        }
      })(inner),
  },
  {
    fault: "what is written to a block that was allocated does not last",
    rule: "allocate > is written over like anything else",
    wrap: (inner) =>
      new (class extends Delegate {
        #allocated = false;

        override async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
          await super.allocate(offset, length, options);
          this.#allocated = length > BLOCK;
        }

        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          if (!this.#allocated) await super.write(source, offset, options);
          this.#allocated = false;
        }
      })(inner),
  },
  {
    fault: "allocate only sets space aside, and the size stays",
    rule: grows,
    wrap: (inner) =>
      new (class extends Delegate {
        override async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
          const within = Math.min(length, Math.max(0, this.size - offset));
          await super.allocate(offset, Number.isSafeInteger(offset + length) ? within : length, options);
        }
      })(inner),
  },
  {
    fault: "allocate grows by whole blocks",
    rule: grows,
    wrap: (inner) =>
      new (class extends Delegate {
        override async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
          const end = Math.ceil((offset + length) / BLOCK) * BLOCK;
          const past = Number.isSafeInteger(end) && length > 0 && offset + length > this.size;
          await super.allocate(offset, past ? end - offset : length, options);
        }
      })(inner),
  },
  {
    fault: "allocate of nothing past the end grows up to there",
    rule: "allocate > of nothing changes nothing, nor the size",
    wrap: (inner) =>
      new (class extends Delegate {
        override async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
          await super.allocate(offset, length, options);
          if (offset > this.size) await this.inner.truncate(offset);
        }
      })(inner),
  },
  {
    fault: "allocate at a negative offset begins at 0",
    rule: "allocate > of an impossible range rejects with ERR_RANGE and changes nothing",
    wrap: (inner) =>
      new (class extends Delegate {
        override async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
          await super.allocate(Math.max(0, offset), length, options);
        }
      })(inner),
  },
  {
    fault: "what allocate has past the end of a disk is left out in silence",
    rule: "allocate > past the end rejects with ERR_RANGE and changes nothing, without grow",
    manifest: { grow: false, truncate: false },
    wrap: (inner, manifest) =>
      new (class extends Delegate {
        override async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
          const past = Number.isSafeInteger(offset + length) && offset >= 0 && offset + length > this.size;
          await super.allocate(offset, past ? Math.max(0, this.size - offset) : length, options);
        }
      })(inner, manifest),
  },
];
