import type { LoadWait } from "@instar/lru-cache";
import type { Block } from "./block.js";

/** Reads `count` blocks from `first` on. */
export type ReadRun = (first: number, count: number, signal: AbortSignal) => Promise<Block[]>;

interface Request {
  readonly index: number;
  readonly wait: LoadWait;
  readonly resolve: (block: Block) => void;
  readonly reject: (reason: unknown) => void;
  /** Has failed together with others. */
  alone: boolean;
}

/**
 * Collects the blocks that are asked for in one turn, or while all reads that may be under way are, and reads those
 * that lie side by side as one. A read of several that fails is repeated block by block, so that whoever wants a block
 * that can be read gets it.
 */
export class LoadQueue {
  readonly #readRun: ReadRun;
  readonly #longest: number;
  readonly #parallel: number;
  readonly #waiting = new Map<number, Request>();
  #running = 0;
  #scheduled = false;

  /**
   * @param longest how many blocks one read may have.
   * @param parallel how many reads may be under way.
   */
  constructor(readRun: ReadRun, longest: number, parallel: number) {
    this.#readRun = readRun;
    this.#longest = longest;
    this.#parallel = parallel;
  }

  /** Loads one block, which nobody else is waiting for. */
  load(index: number, wait: LoadWait): Promise<Block> {
    // Whoever wanted it before has given up, or the two would share one load.
    const former = this.#waiting.get(index);
    former?.reject(former.wait.signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<Block>();
    this.#waiting.delete(index);
    this.#waiting.set(index, { index, wait, resolve, reject, alone: false });
    if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#start();
      });
    }
    return promise;
  }

  #start(): void {
    for (const request of this.#waiting.values()) {
      if (this.#running >= this.#parallel) return;
      if (this.#take(request)) void this.#read(this.#runFrom(request));
    }
  }

  /** The request and, where it may be read with others, those that lie side by side with it. */
  #runFrom(request: Request): Request[] {
    const run = [request];
    if (request.alone) return run;
    const before: Request[] = [];
    const extend = (part: Request[], step: 1 | -1): void => {
      for (let index = request.index + step; run.length + before.length < this.#longest; index += step) {
        const next = this.#waiting.get(index);
        if (!next || next.alone || !this.#take(next)) return;
        part.push(next);
      }
    };
    extend(run, 1);
    extend(before, -1);
    return [...before.toReversed(), ...run];
  }

  /** Takes a request from the queue. Gives whether somebody still waits for it. */
  #take(request: Request): boolean {
    this.#waiting.delete(request.index);
    const { signal } = request.wait;
    if (signal.aborted) request.reject(signal.reason);
    return !signal.aborted;
  }

  async #read(run: readonly Request[]): Promise<void> {
    this.#running++;
    try {
      const blocks = await this.#readRun(run[0]?.index ?? 0, run.length, allAborted(run));
      for (const [at, block] of blocks.entries()) run[at]?.resolve(block);
    } catch (error) {
      for (const request of run) {
        if (run.length === 1 || request.wait.signal.aborted) request.reject(error);
        else {
          request.alone = true;
          this.#waiting.set(request.index, request);
        }
      }
    } finally {
      this.#running--;
      this.#start();
    }
  }
}

/** A signal that is aborted when nobody waits for any of the requests any more. */
function allAborted(run: readonly Request[]): AbortSignal {
  const [first] = run;
  if (first && run.length === 1) return first.wait.signal;
  const controller = new AbortController();
  let left = run.length;
  for (const { wait } of run) {
    wait.signal.addEventListener("abort", () => {
      if (--left === 0) controller.abort(wait.signal.reason);
    });
  }
  return controller.signal;
}
