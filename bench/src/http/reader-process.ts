import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Reader } from "./readers.js";
import { SIZE } from "./server.js";

/** How many reads are under way at any moment. */
export const AT_ONCE = 8;

/** A round of reads. */
interface Round {
  /** Bytes of each read. */
  readonly length: number;
  readonly count: number;
}

/** What a round took. */
export interface RoundTime {
  /** Nanoseconds per read. */
  readonly nanoseconds: number;
  /** Milliseconds of the processor per read, all threads together. */
  readonly cpu: number;
}

/**
 * A reader in a process of its own, as a program has one. In one process the garbage of one reader sets the pace at
 * which the collector runs for the next.
 */
export class ReaderProcess {
  readonly name: string;
  readonly #child: ChildProcess;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
  }

  /** Starts `script` with these arguments; it must call {@link answerRounds}. */
  static async start(script: string, args: readonly string[]): Promise<ReaderProcess> {
    const child = fork(script, args);
    const [name] = (await once(child, "message")) as [string];
    return new ReaderProcess(name, child);
  }

  /** Reads `count` times `length` bytes. */
  async run(length: number, count: number): Promise<RoundTime> {
    this.#child.send({ length, count } satisfies Round);
    const [time] = (await once(this.#child, "message")) as [RoundTime];
    return time;
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** In the process of a reader: does the rounds it is sent, until the parent lets go. */
export function answerRounds(reader: Reader): void {
  process.on("message", (round: Round) => {
    void readAll(reader, round).then((time) => process.send?.(time));
  });
  process.on("disconnect", () => process.exit());
  process.send?.(reader.name);
}

/** Reads at places spread so far that no two could share a request. */
async function readAll(reader: Reader, { length, count }: Round): Promise<RoundTime> {
  globalThis.gc?.();
  const places = Math.floor(SIZE / (2 * length));
  let next = 0;
  const worker = async (): Promise<void> => {
    const target = new Uint8Array(length);
    // A step prime to the number of places visits all of them, each far from the one before.
    while (next < count) await reader.read(target, ((next++ * 37) % places) * 2 * length);
  };
  const before = process.cpuUsage();
  const begin = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const milliseconds = performance.now() - begin;
  const { user, system } = process.cpuUsage(before);
  return { nanoseconds: (milliseconds * 1e6) / count, cpu: (user + system) / 1000 / count };
}
