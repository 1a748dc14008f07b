import { Beginning } from "./beginning.js";
import type { RangeCounters } from "./counters.js";
import { Latencies } from "./latencies.js";
import { type EngineSettings, engineSettings, type RangeEngineOptions } from "./options.js";
import { ProgressWatch } from "./progress-watch.js";
import type { RangeSource } from "./range-source.js";
import { ReadCall } from "./read-call.js";
import { Transfer, type TransferHost } from "./transfer.js";
import { WaitingWants } from "./waiting-wants.js";
import { Want } from "./want.js";

/**
 * Reads ranges through as few requests as it takes: what waits side by side is joined, what is under way is shared, what
 * is big is split; what fails for a moment is tried again from where it stopped. It buffers nothing: each chunk goes
 * from the source straight into the targets of those who wait for it.
 */
export class RangeEngine {
  /** What it has asked of the source so far. */
  readonly counters: RangeCounters;
  readonly #settings: EngineSettings;
  readonly #host: TransferHost;
  readonly #beginning: Beginning;
  readonly #waiting = new WaitingWants();
  /** An array: the table of a `Set` that is never at rest drags its dead entries into the old generation of the heap. */
  readonly #active: Transfer[] = [];
  /** Requests that are allowed for at this moment. */
  #busy = 0;
  #scheduled = false;

  /**
   * @param beginning the first bytes, where they are there already
   * @throws {@link BackendError} `ERR_RANGE` for an option out of its bounds.
   */
  constructor(source: RangeSource, options?: RangeEngineOptions, beginning: Uint8Array = new Uint8Array(0)) {
    const settings = engineSettings(options);
    this.#settings = settings;
    this.counters = settings.counters;
    this.#beginning = new Beginning(beginning);
    this.#host = {
      source,
      settings,
      watch: new ProgressWatch(settings.clock, settings.stallTimeout, settings.minProgress),
      latencies: new Latencies(),
      takePlace: () => this.#takePlace(),
      freePlace: () => this.#freePlace(),
      done: (transfer) => {
        const last = this.#active.pop();
        if (last && last !== transfer) this.#active[this.#active.indexOf(transfer)] = last;
        this.#freePlace();
      },
    };
  }

  /**
   * Fills `target`, which is not empty, from `offset`. An abort rejects with the reason of the signal, and ends the
   * request only if nobody else waits for it. The target is not touched after the promise has settled.
   */
  read(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const there = this.#beginning.read(target, offset);
      if (there === target.byteLength) return resolve();
      const call = new ReadCall(resolve, reject, signal, (want) => this.#withdraw(want));
      this.#fetch(there === 0 ? target : target.subarray(there), offset + there, call);
    });
  }

  #fetch(target: Uint8Array, offset: number, call: ReadCall): void {
    const length = target.byteLength;
    const pieces = Math.ceil(length / this.#settings.splitSize);
    const step = Math.ceil(length / pieces);
    for (let at = 0; at < length; at += step) {
      const want = new Want(call, pieces === 1 ? target : target.subarray(at, at + step), offset + at);
      call.add(want);
      if (this.#share(want)) this.counters.joined++;
      else this.#waiting.add(want);
    }
    this.#schedule();
  }

  #share(want: Want): boolean {
    for (const transfer of this.#active) if (transfer.accept(want)) return true;
    return false;
  }

  #withdraw(want: Want): void {
    if (want.carrier) want.carrier.withdraw(want);
    else this.#waiting.remove(want);
  }

  /** Reads that are called one after the other, without waiting, are to find each other before the first request. */
  #schedule(): void {
    if (this.#scheduled || this.#busy >= this.#settings.concurrency) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    const { splitSize, joinGap, concurrency } = this.#settings;
    while (this.#busy < concurrency) {
      const run = this.#waiting.takeRun(splitSize, joinGap);
      if (run.length === 0) return;
      this.counters.joined += run.length - 1;
      const transfer = new Transfer(this.#host, run);
      this.#active.push(transfer);
      this.#busy++;
      transfer.begin();
    }
  }

  #takePlace(): boolean {
    if (this.#busy >= this.#settings.concurrency) return false;
    this.#busy++;
    return true;
  }

  #freePlace(): void {
    this.#busy--;
    this.#schedule();
  }
}
