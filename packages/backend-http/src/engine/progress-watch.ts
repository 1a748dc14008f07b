import type { Clock } from "./clock.js";

/** Something that ought to move. */
export interface Watched {
  /** Bytes received so far. */
  readonly progress: number;
  /** It has moved `moved` bytes within the time limit, which is too little. */
  stalled(moved: number): void;
}

interface Watch {
  readonly watched: Watched;
  /** When the time is over. */
  deadline: number;
  /** Bytes that had come when the time began. */
  before: number;
}

/** Tells requests that do not move, by one timer for all of them: a timer for each would be the dearest part of a read. */
export class ProgressWatch {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #least: number;
  /** In the order of their deadlines, since all have the same time. As few as there are requests. */
  #watches: Watch[] = [];
  #stopTimer: (() => void) | undefined;

  /** Whoever moves less than `least` bytes within `limit` milliseconds has stalled. */
  constructor(clock: Clock, limit: number, least: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#least = least;
  }

  add(watched: Watched): void {
    this.#watches.push({ watched, deadline: this.#clock.now() + this.#limit, before: watched.progress });
    this.#stopTimer ??= this.#clock.after(this.#limit, () => this.#look());
  }

  remove(watched: Watched): void {
    const index = this.#watches.findIndex((watch) => watch.watched === watched);
    if (index < 0) return;
    this.#watches.splice(index, 1);
    if (this.#watches.length > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #look(): void {
    const now = this.#clock.now();
    // Timers may fire a little early.
    const due = this.#watches.findIndex((watch) => watch.deadline > now + 1);
    const over = this.#watches.splice(0, due < 0 ? this.#watches.length : due);
    const stalled: Watch[] = [];
    for (const watch of over) {
      if (watch.watched.progress - watch.before < this.#least) stalled.push(watch);
      else this.#watches.push({ watched: watch.watched, deadline: now + this.#limit, before: watch.watched.progress });
    }
    this.#stopTimer = undefined;
    const [next] = this.#watches;
    if (next) this.#stopTimer = this.#clock.after(Math.max(1, next.deadline - now), () => this.#look());
    for (const { watched, before } of stalled) watched.stalled(watched.progress - before);
  }
}
