/** Time, handed in so that tests decide how it passes. */
export interface Clock {
  /** Milliseconds since some moment; never runs backwards. */
  now(): number;
  /** Calls `run` once after that many milliseconds. Gives what calls it off. */
  after(milliseconds: number, run: () => void): () => void;
}

/** The clock of the machine: monotonic, not the clock of the wall. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
