import type { Backend } from "@instar/backend";
import type { CacheMode } from "../cache-mode.js";
import type { Context } from "../command.js";
import { type Image } from "../open-image.js";

/** How an {@link IoSession} treats what it is asked for. */
export interface IoOptions {
  /** Whether discards are carried out, or ignored. */
  readonly discard: boolean;
  readonly cache: CacheMode;
}

/** An image, and what commands need to work on it. */
export class IoSession {
  readonly image: Image;
  readonly options: IoOptions;
  readonly #context: Context;
  readonly #background: Set<Promise<void>> = new Set();

  constructor(context: Context, image: Image, options: IoOptions) {
    this.#context = context;
    this.image = image;
    this.options = options;
  }

  /** What commands read and write. */
  get disk(): Backend {
    return this.image.disk;
  }

  /** Aborts when the program is asked to stop. */
  get signal(): AbortSignal {
    return this.#context.signal;
  }

  /** Milliseconds on a clock that never goes back. */
  now(): number {
    return this.#context.host.now();
  }

  /** Writes to standard output. */
  print(text: string): Promise<void> {
    return this.#context.print(text);
  }

  /** Writes a line to standard error. */
  complain(line: string): void {
    this.#context.host.stderr.write(`${line}\n`);
  }

  /** Lets work go on while other commands run. It must not reject. */
  inBackground(work: Promise<void>): void {
    const known = work.finally(() => this.#background.delete(known));
    this.#background.add(known);
  }

  /** Waits for everything that goes on in the background. */
  async settle(): Promise<void> {
    await Promise.all(this.#background);
  }
}
