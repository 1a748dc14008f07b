import { BackendError, type CallOptions } from "../../src/index.js";
import { Delegate } from "./delegate.js";
import { BLOCK, type Fault, pause } from "./fault.js";

const fills = "read > fills the whole target, at any offset and across blocks";
const pastEnd = "read > past the end rejects with ERR_RANGE, and gives no zeroes";

export const readFaults: readonly Fault[] = [
  {
    fault: "a read stops at the end of a block and leaves the rest of the target as it was",
    rule: fills,
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const short = this.sound(offset, target.length) ? BLOCK - (offset % BLOCK) : target.length;
          await super.read(target.subarray(0, short), offset, options);
        }
      })(inner),
  },
  {
    fault: "the last byte of a read that ends within a block is that of the byte before",
    rule: fills,
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          await super.read(target, offset, options);
          if ((offset + target.length) % BLOCK > 0 && target.length > 1) target.copyWithin(target.length - 1, -2, -1);
        }
      })(inner),
  },
  {
    fault: "a read fills whole sectors, also beside its target",
    rule: "read > fills a subarray and leaves the bytes around it alone",
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const wide = new Uint8Array(target.buffer, target.byteOffset).subarray(0, target.length + 4);
          const fits = this.sound(offset, wide.length) && target.length > 0;
          await super.read(fits ? wide : target, offset, options);
        }
      })(inner),
  },
  {
    fault: "bytes past the end read as zeroes",
    rule: pastEnd,
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const within = Number.isSafeInteger(offset + target.length) && offset >= 0;
          const there = within ? Math.max(0, Math.min(target.length, this.size - offset)) : target.length;
          await super.read(target.subarray(0, there), there > 0 || !within ? offset : 0, options);
          target.fill(0, there);
        }
      })(inner),
  },
  {
    fault: "a read past the end rejects with ERR_RANGE, but zeroes its target",
    rule: pastEnd,
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          if (!this.sound(offset, target.length)) target.fill(0);
          await super.read(target, offset, options);
        }
      })(inner),
  },
  {
    fault: "a read past the end wears the code of another failure",
    rule: pastEnd,
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          if (offset + target.length > this.size) throw new BackendError("ERR_IO", "broken: end of file");
          await super.read(target, offset, options);
        }
      })(inner),
  },
  {
    fault: "a failure is an error of its own kind",
    rule: pastEnd,
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          if (offset + target.length > this.size) throw new RangeError("broken: end of file");
          await super.read(target, offset, options);
        }
      })(inner),
  },
  {
    fault: "a failure is thrown before there is a promise",
    rule: pastEnd,
    wrap: (inner) =>
      new (class extends Delegate {
        override read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          if (offset + target.length > this.size) throw new BackendError("ERR_RANGE", "broken: end of file");
          return super.read(target, offset, options);
        }
      })(inner),
  },
  {
    fault: "offsets that are no integers are rounded",
    rule: "read > at an impossible offset rejects with ERR_RANGE",
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          await super.read(target, Math.round(offset), options);
        }
      })(inner),
  },
  {
    fault: "a read fills its target again when the next one comes",
    rule: "read > does not touch the target after it has settled",
    wrap: (inner) =>
      new (class extends Delegate {
        #last: Uint8Array | undefined;

        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          this.#last?.fill(1);
          await super.read(target, offset, options);
          this.#last = target;
        }
      })(inner),
  },
  {
    fault: "an empty read fails",
    rule: "read > of nothing resolves, also at the end",
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          if (target.length === 0 && offset === this.size) throw new BackendError("ERR_RANGE", "broken: at the end");
          await super.read(target, offset, options);
        }
      })(inner),
  },
  {
    fault: "reads share one bounce buffer",
    rule: "side by side > reads of all sizes each get their bytes",
    wrap: (inner) =>
      new (class extends Delegate {
        readonly #bounce = new Uint8Array(64 * BLOCK);

        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          const part = this.#bounce.subarray(0, target.length);
          await super.read(part.length === target.length ? part : target, offset, options);
          await pause();
          if (part.length === target.length) target.set(part);
        }
      })(inner),
  },
];
