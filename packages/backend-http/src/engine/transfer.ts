import { BackendError } from "@instar/backend";
import { Attempt, type AttemptHost, type AttemptOwner } from "./attempt.js";
import { nextStep } from "./backoff.js";
import type { Latencies } from "./latencies.js";
import type { Carrier, Want } from "./want.js";

/** What a transfer needs of its engine. */
export interface TransferHost extends AttemptHost {
  readonly latencies: Latencies;
  /** Takes a place for a second request, if one is free. */
  takePlace(): boolean;
  /** Gives that place back. */
  freePlace(): void;
  /** The transfer is over, and its own place free. */
  done(transfer: Transfer): void;
}

/** A range on its way, for everybody who waits for a part of it: tried again, resumed, hedged. */
export class Transfer implements Carrier, AttemptOwner {
  readonly #host: TransferHost;
  /** Those who still wait. */
  #wants: Want[];
  /** What lies before this has been handed out. */
  #received: number;
  /** First byte behind the range. */
  #end: number;
  /** One, or two while hedged, or none while it waits for the next try. */
  readonly #attempts = new Set<Attempt>();
  /** In whose memory bytes may be arriving. */
  #lender: Want | undefined;
  #failures = 0;
  #over = false;
  #stopTimer: (() => void) | undefined;

  constructor(host: TransferHost, wants: Want[]) {
    this.#host = host;
    this.#wants = wants;
    this.#received = wants[0]?.start ?? 0;
    this.#end = this.#received;
    for (const want of wants) {
      want.carrier = this;
      this.#end = Math.max(this.#end, want.end);
    }
  }

  /** Sends the first request. */
  begin(): void {
    this.#launch();
  }

  /** Takes one more piece along, if all of it is still to come. */
  accept(want: Want): boolean {
    if (this.#over || want.start < this.#received || want.end > this.#end) return false;
    want.carrier = this;
    this.#wants.push(want);
    return true;
  }

  withdraw(want: Want): void {
    const index = this.#wants.indexOf(want);
    if (index < 0) return;
    this.#wants.splice(index, 1);
    if (this.#wants.length === 0) this.#finish();
    else if (want === this.#lender) this.#restart();
  }

  began(attempt: Attempt): void {
    const { settings, latencies } = this.#host;
    if (!settings.hedge) return;
    this.#stopTimer?.();
    const now = settings.clock.now();
    // That of a loser would have been longer still, but its share must not be missing.
    for (const each of this.#attempts) latencies.add(now - each.startedAt);
    for (const other of this.#attempts) {
      if (other === attempt) continue;
      other.cancel();
      this.#attempts.delete(other);
      this.#host.freePlace();
    }
  }

  room(attempt: Attempt): Uint8Array | undefined {
    // Of several attempts all but this one were called off when its answer began.
    const { position } = attempt;
    let end = this.#end;
    let lender: Want | undefined;
    for (const want of this.#wants) {
      if (want.start > position) end = Math.min(end, want.start);
      else if (lender) return undefined;
      else lender = want;
    }
    this.#lender = lender;
    return lender?.room(position, Math.min(end, lender.end));
  }

  received(attempt: Attempt, chunk: Uint8Array): void {
    const end = attempt.position + chunk.byteLength;
    if (end <= this.#received) return;
    let done = 0;
    for (const want of this.#wants) {
      want.take(chunk, attempt.position, this.#received);
      if (want.end <= end) done++;
    }
    this.#received = end;
    if (done === 0) return;
    const complete = this.#wants.filter((want) => want.end <= end);
    this.#wants = done === this.#wants.length ? [] : this.#wants.filter((want) => want.end > end);
    for (const want of complete) want.complete();
    // At its end the answer is left to finish by itself, because calling it off costs the connection.
    if (this.#wants.length === 0 && end < this.#end) this.#finish();
  }

  ended(attempt: Attempt): void {
    if (attempt.position >= this.#end) return this.#finish();
    const { name } = this.#host.source;
    const message = `${name}: the answer ended at ${attempt.position}, ${this.#end - attempt.position} bytes early`;
    this.failed(attempt, new BackendError("ERR_IO", message, { retryable: true }));
  }

  failed(attempt: Attempt, error: BackendError, retryAfter?: number): void {
    this.#attempts.delete(attempt);
    this.#lender = undefined;
    const goesOn = this.#attempts.size > 0;
    if (goesOn) this.#host.freePlace();
    if (this.#wants.length === 0) return this.#finish();
    if (goesOn && error.retryable) return;
    const { settings } = this.#host;
    this.#failures = attempt.progress >= settings.minProgress ? 1 : this.#failures + 1;
    const next = nextStep(settings, this.#failures, error, retryAfter);
    if ("error" in next) return this.#abandon(next.error);
    this.#stopTimer?.();
    this.#stopTimer = settings.clock.after(next.delay, () => {
      settings.counters.retries++;
      this.#shrink();
      this.#launch();
    });
  }

  #launch(): void {
    const { settings } = this.#host;
    this.#attempts.add(new Attempt(this, this.#host, this.#received, this.#end));
    if (settings.hedge && this.#attempts.size === 1) this.#hedgeLater(settings.hedge);
  }

  #hedgeLater({ percentile, minDelay }: { readonly percentile: number; readonly minDelay: number }): void {
    const { settings, latencies } = this.#host;
    const usual = latencies.percentile(percentile);
    if (usual === undefined) return;
    this.#stopTimer = settings.clock.after(Math.max(usual, minDelay), () => {
      if (this.#attempts.size !== 1 || !this.#host.takePlace()) return;
      settings.counters.hedges++;
      this.#launch();
    });
  }

  /** Asks anew for what is still to come, and has nothing arrive of what was asked for before. */
  #restart(): void {
    for (const attempt of this.#attempts) attempt.cancel();
    this.#attempts.clear();
    this.#lender = undefined;
    this.#shrink();
    this.#launch();
  }

  /** What has been withdrawn since is not asked for again. */
  #shrink(): void {
    this.#end = Math.max(...this.#wants.map((want) => want.end));
    this.#received = Math.max(this.#received, Math.min(...this.#wants.map((want) => want.start)));
  }

  #abandon(error: BackendError): void {
    const wants = this.#wants;
    this.#wants = [];
    this.#finish();
    for (const want of wants) want.fail(error);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimer?.();
    if (this.#attempts.size > 1) this.#host.freePlace();
    for (const attempt of this.#attempts) attempt.cancel();
    this.#attempts.clear();
    this.#host.done(this);
  }
}
