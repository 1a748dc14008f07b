import { StreamEnd } from "./byte-reader.js";

const MAX_REQUESTS = 64;
const MAX_BYTES = 64 * 1024 * 1024;

/** What the requests of one connection may hold at once, from their header until their reply has left. */
export class Budget {
  #requests = 0;
  #bytes = 0;
  #stopped = false;
  #wake: (() => void) | undefined;

  /** Waits for room. One caller at a time. @throws {@link StreamEnd} after {@link stop}. */
  async take(bytes: number): Promise<void> {
    while (!this.#stopped && (this.#requests >= MAX_REQUESTS || this.#bytes + bytes > MAX_BYTES)) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#stopped) throw new StreamEnd();
    this.#requests++;
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#requests--;
    this.#bytes -= bytes;
    this.#wake?.();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }
}
