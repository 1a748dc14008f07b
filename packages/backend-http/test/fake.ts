import { BackendError } from "@instar/backend";
import type { Clock, RangeSink, RangeSource } from "../src/engine/index.js";

/** A clock whose hands are moved by the test. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  /** How long until each timer, the soonest first. */
  get pending(): number[] {
    return Array.from(this.#timers, ({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.#now + milliseconds, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass, timer by timer, with a turn for the promises after each. */
  async advance(milliseconds: number): Promise<void> {
    await turns();
    const end = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.run();
      await turns();
    }
    this.#now = end;
    await turns();
  }
}

/** One request that a fake source was asked for. */
export interface FakeRequest {
  readonly offset: number;
  readonly length: number;
  readonly sink: RangeSink;
  cancelled: boolean;
}

/** A source that answers when the test says so. The byte at an offset is the offset, modulo 251. */
export class FakeSource implements RangeSource {
  readonly name = "fake:";
  readonly requests: FakeRequest[] = [];

  fetch(offset: number, length: number, sink: RangeSink): { cancel(): void } {
    const request: FakeRequest = { offset, length, sink, cancelled: false };
    this.requests.push(request);
    return { cancel: () => void (request.cancelled = true) };
  }

  /** The ranges that were asked for, as `offset+length`. */
  get asked(): string[] {
    return this.requests.map(({ offset, length }) => `${offset}+${length}`);
  }

  /** The n-th request, from 0. */
  at(index: number): FakeRequest {
    const request = this.requests.at(index);
    if (!request) throw new Error(`there is no request ${index}, but ${this.requests.length} of them`);
    return request;
  }

  /** Answers the n-th request: `count` bytes from `from` (in the request), and the end when these are the last. */
  answer(index: number, from = 0, count: number = this.at(index).length - from): void {
    const { sink, offset, length } = this.at(index);
    if (from === 0) sink.begin();
    sink.data(bytesAt(offset + from, count));
    if (from + count === length) sink.end();
  }
}

/** What the fake source holds. */
export function bytesAt(offset: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (offset + index) % 251);
}

/** A failure that may pass. */
export function passing(message = "busy"): BackendError {
  return new BackendError("ERR_IO", message, { retryable: true });
}

/** Lets whatever hangs on promises alone happen. */
export async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}
