import type { Backend } from "@instar/backend";

import { type Part, Tally } from "../examiner/part.ts";
import { demand, Finding, messageOf } from "../finding.ts";
import { offsetOf, rowEnd, type Scene } from "../power-cuts/scene.ts";
import { withScene } from "../power-cuts/scenes.ts";
import { Random } from "../random.ts";
import { SECTOR, sectorBuffer, stampSectors, valueOf } from "../sectors.ts";
import { CrashFile } from "../storage/crash-file.ts";
import { Log } from "../storage/log.ts";
import { RecordedFile } from "../storage/recorded-file.ts";
import { Turns } from "../storage/turns.ts";
import { withoutEarlyReads } from "./early-reads.ts";
import { type Access, isLinearizable } from "./linearizable.ts";

const TASKS = 64;
/** Requests of a task. */
const STEPS = 20;
/** Sectors where half of the requests go, so that they meet. */
const HOT = 40;

/** Lets many tasks use one disk at once, and judges from what they have read whether every sector behaved as one. */
export const concurrency: Part = {
  name: "concurrency",
  run(job, seed) {
    return withScene(job, async (scene) => {
      try {
        return await together(scene, new Random(seed, job));
      } catch (error) {
        throw new Finding(`${scene.title}: ${messageOf(error)}`, { cause: error });
      }
    });
  },
};

async function together<Disk extends Backend>(scene: Scene<Disk>, random: Random): Promise<Tally> {
  const log = new Log();
  const turns = new Turns(random);
  const made = (_: unknown, file: number): RecordedFile => {
    // Tasks overwrite each other: storage then keeps what comes last.
    return new RecordedFile(file, log, turns, scene.abilities, { overlaps: true });
  };
  const files = Array.from({ length: scene.files }, made);
  const use = async (): Promise<Crowd<Disk>> => {
    const crowd = new Crowd(await scene.create(files, random), scene, random, log);
    await Promise.all(Array.from({ length: TASKS }, () => crowd.task()));
    await crowd.readAll(crowd.disk);
    await scene.examine(crowd.disk, false);
    await crowd.disk.close();
    return crowd;
  };
  const crowd = await turns.drive(use());
  const again = await scene.reopen(files.map(({ bytes }) => new CrashFile(bytes)));
  await scene.examine(again, false);
  await crowd.readAll(again);
  crowd.judge();
  const tally = new Tally();
  tally.add("requests side by side", TASKS * STEPS);
  tally.add("histories of a sector", scene.firstSize);
  return tally;
}

/** Tasks that use a disk without regard for each other, and what each has seen. */
class Crowd<Disk extends Backend> {
  readonly disk: Disk;
  readonly #scene: Scene<Disk>;
  readonly #random: Random;
  readonly #log: Log;
  readonly #accesses: Access[][];
  /** By sector: how many write to it, or `Infinity` while it is zeroed or discarded. */
  readonly #changing: number[];
  #value = 1;

  constructor(disk: Disk, scene: Scene<Disk>, random: Random, log: Log) {
    this.disk = disk;
    this.#scene = scene;
    this.#random = random;
    this.#log = log;
    this.#accesses = Array.from({ length: scene.firstSize }, () => []);
    this.#changing = Array.from({ length: scene.firstSize }, () => 0);
  }

  async task(): Promise<void> {
    const random = this.#random;
    for (let step = 0; step < STEPS; step++) {
      const first = random.below(random.of(HOT, this.#scene.firstSize));
      const most = Math.min(this.#scene.firstSize, rowEnd(this.#scene, first));
      const end = Math.min(most, first + 1 + random.below(random.of(2, 8, 24)));
      await this.#request(first, end);
    }
  }

  async readAll(disk: Backend): Promise<void> {
    for (let first = 0; first < this.#scene.firstSize;) {
      const end = Math.min(this.#scene.firstSize, rowEnd(this.#scene, first));
      await this.#read(disk, first, end, undefined);
      first = end;
    }
  }

  /** A finding where a sector did not behave as one that is read and written at moments. */
  judge(): void {
    for (const [sector, accesses] of this.#accesses.entries()) {
      demand(isLinearizable(withoutEarlyReads(accesses), sector < this.#scene.backed ? 1 : 0), () => {
        const told = accesses.map(({ kind, value, begin, end }) => `${kind} ${value} from ${begin} to ${end}`);
        return `sector ${sector} is not linearizable: ${told.join("; ")}`;
      });
    }
  }

  async #request(first: number, end: number): Promise<void> {
    const [offset, length] = [offsetOf(this.#scene, first), (end - first) * SECTOR];
    // Some lose their patience; nobody else may notice.
    const signal = this.#random.once(8) ? this.#impatience() : undefined;
    const { writeZeroes, discard } = this.disk.capabilities;
    const beside = Math.max(...this.#changing.slice(first, end));
    const kind = this.#random.of("read", "read", "zero", "discard", "sync", "write", "write", "write");
    if (kind === "sync") return this.disk.sync();
    if (kind === "zero" && writeZeroes && beside === 0) {
      return this.#change(first, end, 0, Infinity, () => this.disk.writeZeroes(offset, length, { signal }));
    }
    if (kind === "discard" && discard && beside === 0) {
      return this.#change(first, end, undefined, Infinity, () => this.disk.discard(offset, length, { signal }));
    }
    // To order a write and the zeroing of the same sectors is the caller's business, says the contract.
    if (kind !== "write" || beside === Infinity) return this.#read(this.disk, first, end, signal);
    const value = ++this.#value;
    const bytes = stampSectors(first, end - first, value);
    return this.#change(first, end, value, 1, () => this.disk.write(bytes, offset, { signal }));
  }

  async #read(disk: Backend, first: number, end: number, signal: AbortSignal | undefined): Promise<void> {
    const { bytes, words } = sectorBuffer(end - first);
    const begin = this.#log.tick();
    const aborted = await abortedIn(() => disk.read(bytes, offsetOf(this.#scene, first), { signal }));
    const time = { begin, end: this.#log.tick() };
    if (aborted) return;
    for (let sector = first; sector < end; sector++) {
      const value = valueOf(words, sector - first, sector);
      this.#accesses[sector]?.push({ kind: "read", value, ...time });
    }
  }

  /** Changes sectors to a value, or (a discard) perhaps to zero. */
  async #change(
    first: number,
    end: number,
    value: number | undefined,
    share: number,
    run: () => Promise<void>,
  ): Promise<void> {
    this.#mark(first, end, share);
    const begin = this.#log.tick();
    const aborted = await abortedIn(run);
    const time = { begin, end: this.#log.tick() };
    this.#mark(first, end, -share);
    const kind = value === undefined || aborted ? "maybe" : "write";
    for (let sector = first; sector < end; sector++) this.#accesses[sector]?.push({ kind, value: value ?? 0, ...time });
  }

  #mark(first: number, end: number, share: number): void {
    for (let sector = first; sector < end; sector++) {
      this.#changing[sector] = share === -Infinity ? 0 : (this.#changing[sector] ?? 0) + share;
    }
  }

  #impatience(): AbortSignal {
    const controller = new AbortController();
    let left = this.#random.below(12);
    const wait = (): void => {
      if (left-- > 0) setImmediate(wait);
      else controller.abort(new DOMException("no patience", "AbortError"));
    };
    wait();
    return controller.signal;
  }
}

async function abortedIn(run: () => Promise<void>): Promise<boolean> {
  try {
    await run();
    return false;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return true;
    throw error;
  }
}
