import { type Backend, BackendError } from "@instar/backend";

/** Where changes go that are too many for memory: one after the other into a backend that is made when it is needed. */
export class Spill {
  readonly #make: () => Promise<Backend>;
  #backend: Promise<Backend> | undefined;
  #end = 0;
  #reads = 0;

  constructor(make: () => Promise<Backend>) {
    this.#make = make;
  }

  /** Stores bytes; resolves to where. */
  async append(bytes: Uint8Array): Promise<number> {
    const backend = await this.#open();
    const at = this.#end;
    this.#end += bytes.byteLength;
    await backend.write(bytes, at);
    return at;
  }

  async read(target: Uint8Array, at: number, signal: AbortSignal | undefined): Promise<void> {
    this.#reads++;
    try {
      const backend = await this.#open();
      await backend.read(target, at, { signal });
    } finally {
      this.#reads--;
    }
  }

  /** Nothing of what was stored is needed any more. */
  async clear(): Promise<void> {
    // A read that began before is of what it found then.
    if (!this.#backend || this.#reads > 0) return;
    this.#end = 0;
    const backend = await this.#backend;
    if (backend.capabilities.truncate) await backend.truncate(0);
  }

  async close(): Promise<void> {
    const backend = await this.#backend;
    this.#backend = undefined;
    await backend?.close();
  }

  async #open(): Promise<Backend> {
    this.#backend ??= this.#make();
    try {
      const backend = await this.#backend;
      if (backend.capabilities.write && backend.capabilities.grow) return backend;
      throw new BackendError(
        "ERR_UNSUPPORTED",
        `${backend.name}: cannot be grown by writing, so that nothing can spill to it`,
      );
    } catch (error) {
      this.#backend = undefined;
      throw error;
    }
  }
}
