import { BackendError, isBackendError } from "@instar/backend";

import type { Random } from "../random.ts";

/** How storage fails. */
export type OutageKind = "I/O error" | "no space" | "abort" | "burst" | "sync";

/** What a request fails with, and how many of its bytes it has changed before. */
export interface Stroke {
  readonly error: unknown;
  readonly done: number;
}

/** Requests of a burst that fail. */
const BURST = 6;
/** More tries than a burst has requests: after so many it can be nobody's fault. */
const MOST_TRIES = 40;

/** Makes the request of a number fail, and knows which errors of a disk come of that. */
export class Outage {
  readonly #kind: OutageKind;
  readonly #nth: number;
  readonly #random: Random;
  #controller = new AbortController();
  /** Requests so far. */
  calls = 0;
  /** Errors of the disk that came of it. */
  surfaced = 0;
  #struck = 0;
  enabled = false;

  constructor(kind: OutageKind, nth: number, random: Random) {
    this.#kind = kind;
    this.#nth = nth;
    this.#random = random;
  }

  /** Is told of every request; what it gives is how the request fails. */
  strike(request: "read" | "write" | "zero" | "truncate" | "sync", length: number): Stroke | undefined {
    if (!this.enabled) return undefined;
    if (this.#kind === "sync" && request !== "sync") return undefined;
    const number = this.calls++;
    const last = this.#kind === "burst" ? this.#nth + BURST - 1 : this.#nth;
    if (number < this.#nth || number > last) return undefined;
    this.#struck++;
    if (this.#kind === "abort") {
      this.#controller.abort(new DOMException("the guest has no patience", "AbortError"));
      this.#controller = new AbortController();
      return undefined;
    }
    const code = this.#kind === "no space" && request !== "read" && request !== "sync" ? "ERR_NO_SPACE" : "ERR_IO";
    const done = Math.floor(this.#random.below(length / 512 + 1)) * 512;
    return { error: new BackendError(code, `${request} number ${number} fails`), done: Math.min(done, length) };
  }

  /** For requests to the disk. */
  signal(): AbortSignal | undefined {
    return this.#kind === "abort" ? this.#controller.signal : undefined;
  }

  /** Whether a request to the disk may fail in this way, so that it is to be tried again. */
  explains(error: unknown, tries: number): boolean {
    if (this.#struck === 0 || tries > MOST_TRIES) return false;
    this.surfaced++;
    if (this.#kind === "abort") return error instanceof DOMException && error.name === "AbortError";
    return isBackendError(error, "ERR_IO") || (this.#kind === "no space" && isBackendError(error, "ERR_NO_SPACE"));
  }
}
