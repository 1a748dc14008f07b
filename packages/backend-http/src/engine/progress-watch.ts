import type { Clock } from "./clock.js";

/** Something that ought to move. */
export interface Watched {
  /** Bytes received so far. */
  readonly progress: number;
  /** It has moved `moved` bytes within the time limit, which is too little. */
  stalled(moved: number): void;
}

interface Watch {
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
  /** In the order of their deadlines, since all have the same time. */
  readonly #watches = new Map<Watched, Watch>();
  #stopTimer: (() => void) | undefined;

  /** Whoever moves less than `least` bytes within `limit` milliseconds has stalled. */
  constructor(clock: Clock, limit: number, least: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#least = least;
  }

  add(watched: Watched): void {
    this.#watches.set(watched, { deadline: this.#clock.now() + this.#limit, before: watched.progress });
    this.#stopTimer ??= this.#clock.after(this.#limit, () => this.#look());
  }

  remove(watched: Watched): void {
    this.#watches.delete(watched);
    if (this.#watches.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #look(): void {
    const now = this.#clock.now();
    const stalled: [Watched, number][] = [];
    for (const [watched, watch] of this.#watches) {
      // Timers may fire a little early.
      if (watch.deadline > now + 1) break;
      const moved = watched.progress - watch.before;
      this.#watches.delete(watched);
      if (moved >= this.#least) {
        this.#watches.set(watched, { deadline: now + this.#limit, before: watched.progress });
        // Where there is no time at all, whoever has just been put back would come again at once.
        if (this.#limit === 0) break;
      } else {
        stalled.push([watched, moved]);
      }
    }
    this.#stopTimer = undefined;
    const [next] = this.#watches.values();
    if (next) this.#stopTimer = this.#clock.after(Math.max(1, next.deadline - now), () => this.#look());
    for (const [watched, moved] of stalled) watched.stalled(moved);
  }
}
