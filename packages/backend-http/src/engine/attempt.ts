import { BackendError } from "@instar/backend";
import type { EngineSettings } from "./options.js";
import type { RangeSink, RangeSource } from "./range-source.js";
import type { Cancellable } from "./transport.js";

/** Whose attempt it is. */
export interface AttemptOwner {
  /** The right answer has begun. */
  began(attempt: Attempt): void;
  /** Bytes have come; `attempt.position` is where the chunk begins. */
  received(attempt: Attempt, chunk: Uint8Array): void;
  /** The answer is over, be it complete or not. */
  ended(attempt: Attempt): void;
  failed(attempt: Attempt, error: BackendError, retryAfter?: number): void;
}

/** One request for a range, watched for progress. */
export class Attempt implements RangeSink {
  /** Where the next byte belongs. */
  position: number;
  /** Bytes received. */
  progress = 0;
  /** Whether the right answer has begun. */
  begun = false;
  /** When it was sent, in milliseconds of the clock. */
  startedAt = 0;
  readonly #owner: AttemptOwner;
  readonly #settings: EngineSettings;
  readonly #name: string;
  #request: Cancellable | undefined;
  #over = false;
  #seen = 0;
  #stopWatch: (() => void) | undefined;

  constructor(owner: AttemptOwner, source: RangeSource, settings: EngineSettings, start: number, end: number) {
    this.position = start;
    this.#owner = owner;
    this.#settings = settings;
    this.#name = source.name;
    if (settings.hedge) this.startedAt = settings.clock.now();
    this.#watch();
    this.#request = source.fetch(start, end - start, this);
  }

  begin(): void {
    if (this.#over) return;
    this.begun = true;
    this.#owner.began(this);
  }

  data(chunk: Uint8Array): void {
    this.#settings.counters.bytes += chunk.byteLength;
    if (this.#over) return;
    this.progress += chunk.byteLength;
    this.#owner.received(this, chunk);
    this.position += chunk.byteLength;
  }

  end(): void {
    if (this.#over) return;
    this.#finish();
    this.#owner.ended(this);
  }

  fail(error: BackendError, retryAfter?: number): void {
    if (this.#over) return;
    this.#finish();
    this.#owner.failed(this, error, retryAfter);
  }

  /** Calls it off: nothing more comes of it. */
  cancel(): void {
    if (this.#over) return;
    const request = this.#request;
    this.#finish();
    request?.cancel();
  }

  #finish(): void {
    this.#over = true;
    this.#stopWatch?.();
    this.#request = undefined;
  }

  /** Looks, each time the limit has passed, whether enough has come meanwhile. */
  #watch(): void {
    const { clock, stallTimeout, minProgress } = this.#settings;
    this.#stopWatch = clock.after(stallTimeout, () => {
      const moved = this.progress - this.#seen;
      this.#seen = this.progress;
      if (moved >= minProgress) return this.#watch();
      this.cancel();
      const message = `${this.#name}: the server sent ${moved} bytes within ${stallTimeout} ms`;
      this.#owner.failed(this, new BackendError("ERR_IO", message, { retryable: true }));
    });
  }
}
