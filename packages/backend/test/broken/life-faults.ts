import { BackendError, type CallOptions, MemoryBackend } from "../../src/index.js";
import { Delegate } from "./delegate.js";
import { BLOCK, type Fault, pause } from "./fault.js";

/** Buffers writes, as a cache would, and hands them over at a sync and a close. */
class Buffered extends Delegate {
  readonly #buffer: [source: Uint8Array, offset: number][] = [];

  override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    await super.read(target, offset, options);
    for (const [source, at] of this.#buffer) {
      const from = Math.max(offset, at);
      const to = Math.min(offset + target.length, at + source.length);
      if (from < to) target.set(source.subarray(from - at, to - at), from - offset);
    }
  }

  override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    if (!this.sound(offset, source.length)) return super.write(source, offset, options);
    await super.write(new Uint8Array(0), offset, options);
    this.#buffer.push([source.slice(), offset]);
  }

  override async sync(options?: CallOptions): Promise<void> {
    await super.sync(options);
    await this.handOver();
  }

  override async close(): Promise<void> {
    await this.handOver();
    await super.close();
  }

  protected async handOver(): Promise<void> {
    for (const [source, offset] of this.#buffer.splice(0)) await this.inner.write(source, offset);
  }
}

const buffered = { grow: false, truncate: false, writeZeroes: false, discard: false, allocate: false, extents: false };

export const lifeFaults: readonly Fault[] = [
  {
    fault: "sync returns before the buffered writes have reached the storage",
    rule: "sync > brings what was written before it to the storage",
    manifest: buffered,
    wrap: (inner, manifest) =>
      new (class extends Buffered {
        override async sync(options?: CallOptions): Promise<void> {
          await this.inner.sync(options);
        }
      })(inner, manifest),
  },
  {
    fault: "close drops the buffered writes",
    rule: "reopening > finds what was closed without a sync",
    manifest: buffered,
    wrap: (inner, manifest) =>
      new (class extends Buffered {
        override async close(): Promise<void> {
          await this.inner.close();
        }
      })(inner, manifest),
  },
  {
    fault: "the size is rounded to whole blocks when it is opened again",
    rule: "reopening > finds the size that was left",
    wrap: (inner) => inner,
    reopened: (subject) => ({
      ...subject,
      async reopen({ write }) {
        const { size } = subject.backend;
        const found = new MemoryBackend({ size: Math.ceil(size / BLOCK) * BLOCK, readOnly: !write });
        return found;
      },
    }),
  },
  {
    fault: "what is opened read-only can be written to",
    rule: "reopening > without write is read-only",
    wrap: (inner) => inner,
    reopened: (subject) => ({
      ...subject,
      reopen: async () => (await subject.reopen?.({ write: true })) ?? subject.backend,
    }),
  },
  {
    fault: "a read-only backend writes",
    rule: "manifest > lacks write, which rejects with ERR_READ_ONLY and changes nothing",
    manifest: { write: false, grow: false, truncate: false, writeZeroes: false, discard: false, allocate: false },
    wrap: (inner, manifest) =>
      new (class extends Delegate {
        protected override check(): void {}
      })(inner, manifest),
  },
  {
    fault: "what the manifest lacks is done all the same",
    rule: "manifest > lacks extents, which rejects with ERR_UNSUPPORTED and changes nothing",
    manifest: buffered,
    wrap: (inner, manifest) =>
      new (class extends Delegate {
        protected override check(): void {}
      })(inner, manifest),
  },
  {
    fault: "a read-only backend promises to truncate",
    rule: "manifest > promises no change without write",
    manifest: { write: false },
    wrap: (inner, manifest) => new Delegate(inner, manifest),
  },
  {
    fault: "the backend does not say what it is",
    rule: "manifest > comes with a name and the size",
    wrap: (inner) =>
      new (class extends Delegate {
        override readonly name = "";
      })(inner),
  },
  {
    fault: "a read-only backend refuses with the code of a missing capability",
    rule: "manifest > lacks write, which rejects with ERR_READ_ONLY and changes nothing",
    manifest: { write: false, grow: false, truncate: false, writeZeroes: false, discard: false, allocate: false },
    wrap: (inner, manifest) =>
      new (class extends Delegate {
        override async write(): Promise<void> {
          throw new BackendError("ERR_UNSUPPORTED", "broken: no write");
        }
      })(inner, manifest),
  },
  {
    fault: "the manifest is not the one that was declared",
    rule: "manifest > is the one the factory declares, and stays so",
    wrap: (inner, manifest) => new Delegate(inner, { ...manifest, extents: false }),
  },
  {
    fault: "the manifest promises durability that nobody can check",
    rule: "reopening > is offered by the factory of a durable backend",
    manifest: { durable: true },
    wrap: (inner, manifest) => new Delegate(inner, manifest),
    reopened: ({ backend }) => ({ backend }),
  },
  {
    fault: "a second close fails",
    rule: "close > can be called again, also at once",
    wrap: (inner) =>
      new (class extends Delegate {
        #closed = false;

        override async close(): Promise<void> {
          if (this.#closed) throw new BackendError("ERR_CLOSED", "broken: closed already");
          this.#closed = true;
          await super.close();
        }
      })(inner),
  },
  {
    fault: "reads go on after close",
    rule: "close > makes read reject with ERR_CLOSED",
    wrap: (inner) =>
      new (class extends Delegate {
        override async close(): Promise<void> {}
      })(inner),
  },
  {
    fault: "sync after close does nothing and says nothing",
    rule: "close > makes sync reject with ERR_CLOSED",
    wrap: (inner) =>
      new (class extends Delegate {
        #closed = false;

        override async sync(options?: CallOptions): Promise<void> {
          if (!this.#closed) await super.sync(options);
        }

        override async close(): Promise<void> {
          this.#closed = true;
          await super.close();
        }
      })(inner),
  },
  {
    fault: "close does not wait for the calls under way",
    rule: "close > waits for the calls under way, and they succeed",
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          for (let slow = 0; slow < 20; slow++) await pause();
          await super.read(target, offset, options);
        }
      })(inner),
  },
  {
    fault: "close fails the calls under way",
    rule: "close > waits for the calls under way, and they succeed",
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          await Promise.resolve();
          await super.read(target, offset, options);
        }
      })(inner),
  },
];
