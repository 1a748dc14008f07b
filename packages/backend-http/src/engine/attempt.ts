import { BackendError } from "@instar/backend";
import type { EngineSettings } from "./options.js";
import type { ProgressWatch, Watched } from "./progress-watch.js";
import type { RangeSink, RangeSource } from "./range-source.js";
import type { Cancellable } from "./transport.js";

/** Whose attempt it is. */
export interface AttemptOwner {
  /** The right answer has begun. */
  began(attempt: Attempt): void;
  /** Memory of whoever waits for the bytes from `attempt.position` on. */
  room(attempt: Attempt): Uint8Array | undefined;
  /** Bytes have come; `attempt.position` is where the chunk begins. */
  received(attempt: Attempt, chunk: Uint8Array): void;
  /** The answer is over, be it complete or not. */
  ended(attempt: Attempt): void;
  failed(attempt: Attempt, error: BackendError, retryAfter?: number): void;
}

/** What an attempt needs of its engine. */
export interface AttemptHost {
  readonly source: RangeSource;
  readonly settings: EngineSettings;
  readonly watch: ProgressWatch;
}

/** One request for a range, watched for progress. */
export class Attempt implements RangeSink, Watched {
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
  readonly #watch: ProgressWatch;
  #request: Cancellable | undefined;
  #over = false;

  constructor(owner: AttemptOwner, host: AttemptHost, start: number, end: number) {
    const { source, settings, watch } = host;
    this.position = start;
    this.#owner = owner;
    this.#settings = settings;
    this.#name = source.name;
    this.#watch = watch;
    if (settings.hedge) this.startedAt = settings.clock.now();
    watch.add(this);
    this.#request = source.fetch(start, end - start, this);
  }

  begin(): void {
    if (this.#over) return;
    this.begun = true;
    this.#owner.began(this);
  }

  room(): Uint8Array | undefined {
    return this.#over ? undefined : this.#owner.room(this);
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

  stalled(moved: number): void {
    this.cancel();
    const message = `${this.#name}: the server sent ${moved} bytes within ${this.#settings.stallTimeout} ms`;
    this.#owner.failed(this, new BackendError("ERR_IO", message, { retryable: true }));
  }

  #finish(): void {
    this.#over = true;
    this.#watch.remove(this);
    this.#request = undefined;
  }
}
