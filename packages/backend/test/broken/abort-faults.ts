import { BackendError, type CallOptions } from "../../src/index.js";
import { Delegate } from "./delegate.js";
import { type Fault, pause } from "./fault.js";

export const abortFaults: readonly Fault[] = [
  {
    fault: "an aborted signal is ignored by read",
    rule: "abort > before read rejects with signal.reason and changes nothing",
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number): Promise<void> {
          await super.read(target, offset);
        }
      })(inner),
  },
  {
    fault: "an aborted signal is noticed after the write",
    rule: "abort > before write rejects with signal.reason and changes nothing",
    wrap: (inner) =>
      new (class extends Delegate {
        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          await super.write(source, offset);
          options?.signal?.throwIfAborted();
        }
      })(inner),
  },
  {
    fault: "an abort before the start rejects with an error of the backend",
    rule: "abort > before sync rejects with signal.reason and changes nothing",
    wrap: (inner) =>
      new (class extends Delegate {
        override async sync(options?: CallOptions): Promise<void> {
          if (options?.signal?.aborted) throw new BackendError("ERR_IO", "broken: aborted");
          await super.sync(options);
        }
      })(inner),
  },
  {
    fault: "a read that is aborted rejects, and fills its target later",
    rule: "abort > of a read in flight settles it, and the target is left alone from then on",
    wrap: (inner) =>
      new (class extends Delegate {
        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          if (!options?.signal) return super.read(target, offset, options);
          options.signal.throwIfAborted();
          const filled = pause()
            .then(pause)
            .then(() => super.read(target, offset));
          const { signal } = options;
          await Promise.race([
            filled,
            new Promise<never>((_resolve, reject) => {
              signal.addEventListener("abort", () => reject(new Error("aborted", { cause: signal.reason })));
            }),
          ]).catch((error: unknown) => {
            signal.throwIfAborted();
            throw error;
          });
        }
      })(inner),
  },
  {
    fault: "one aborted read fails the others of its range",
    rule: "abort > of one read does not fail another of the same range",
    wrap: (inner) =>
      new (class extends Delegate {
        #loading: { readonly offset: number; readonly bytes: Promise<Uint8Array> } | undefined;

        override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          if (!this.sound(offset, target.length)) return super.read(target, offset, options);
          if (this.#loading?.offset === offset) {
            const bytes = await this.#loading.bytes;
            if (bytes.length === target.length) return target.set(bytes);
          }
          const loading = { offset, bytes: this.#load(offset, target.length, options?.signal) };
          this.#loading = loading;
          try {
            target.set(await loading.bytes);
          } finally {
            if (this.#loading === loading) this.#loading = undefined;
          }
        }

        async #load(offset: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
          const bytes = new Uint8Array(length);
          signal?.throwIfAborted();
          await pause();
          await super.read(bytes, offset, signal && { signal });
          return bytes;
        }
      })(inner),
  },
  {
    fault: "after an abort every call fails",
    rule: "abort > of a change in flight settles it, and touches nothing outside its range",
    wrap: (inner) =>
      new (class extends Delegate {
        #broken = false;

        override async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
          if (this.#broken) throw new BackendError("ERR_IO", "broken: for good");
          await super.write(source, offset, options);
          await pause();
          if (options?.signal?.aborted) this.#broken = true;
          options?.signal?.throwIfAborted();
        }
      })(inner),
  },
];
