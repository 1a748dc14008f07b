import { writeSync } from "node:fs";
import type { Output } from "./host.js";

/** Where nobody reads as fast as we write, and waiting is left to us: milliseconds until the next try. */
const PAUSE = 1;

/**
 * Standard output or standard error by its number. The streams of the process would do the same, and take longer to load
 * than a short command takes to run.
 */
export class DescriptorOutput implements Output {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  get isTTY(): boolean {
    return process.getBuiltinModule("node:tty").isatty(this.#descriptor);
  }

  write(data: string | Uint8Array, done?: (error?: Error) => void): void {
    try {
      this.#writeAll(typeof data === "string" ? Buffer.from(data) : data);
    } catch (error) {
      return done?.(error instanceof Error ? error : new Error(String(error)));
    }
    done?.();
  }

  #writeAll(bytes: Uint8Array): void {
    for (let rest = bytes; rest.byteLength > 0;) {
      try {
        rest = rest.subarray(writeSync(this.#descriptor, rest));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
      }
    }
  }
}
