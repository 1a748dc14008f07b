import type { Backend, CallOptions } from "@instar/backend";

import { beat } from "../examiner/heart.ts";
import { demand } from "../finding.ts";
import type { Random } from "../random.ts";
import { sectorBuffer, SECTOR, valueOf } from "../sectors.ts";
import type { Log } from "../storage/log.ts";
import type { Outage } from "../storage/outage.ts";
import { Ledger } from "./ledger.ts";
import type { Register } from "./register.ts";
import { offsetOf, rowEnd, type Scene } from "./scene.ts";

/** Sectors in a row. */
export interface SectorRange {
  readonly first: number;
  readonly end: number;
}

/** Uses a disk, several requests at a time, and keeps account of what each sector may hold. */
export class Guest<Disk extends Backend = Backend> {
  readonly disk: Disk;
  readonly scene: Scene<Disk>;
  readonly random: Random;
  readonly ledger: Ledger;
  /** Names of the snapshots that there are. */
  readonly snapshots = new Set<string>();
  /** Names of the bitmaps that there are. */
  readonly bitmaps = new Set<string>();
  readonly #log: Log;
  readonly #outage: Outage | undefined;
  /** What each sector may hold now; after a discard that may be more than one value. */
  readonly #now: (readonly number[])[];
  readonly #busy = new Set<SectorRange>();
  readonly #running = new Set<Promise<void>>();
  #size: number;
  #value = 1;
  /** Where requests go for a while, so that they meet. */
  #focus = 0;

  constructor(disk: Disk, scene: Scene<Disk>, random: Random, log: Log, outage?: Outage) {
    this.disk = disk;
    this.scene = scene;
    this.random = random;
    this.#log = log;
    this.#outage = outage;
    this.#size = scene.firstSize;
    const first = Array.from({ length: scene.sectors }, (_, sector) => (sector < scene.backed ? 1 : 0));
    this.#now = first.map((value) => [value]);
    this.ledger = new Ledger(first, scene.firstSize);
  }

  /** Does so many things. */
  async run(steps: number): Promise<void> {
    // Histories that do much of one thing and none of another reach what the usual mixture never does.
    const operations = this.scene.operations.map((operation) => ({
      operation,
      weight: operation.weight * this.random.of(0, 1, 1, 2, 6),
    }));
    if (operations.every(({ weight }) => weight === 0)) return;
    for (let step = 0; step < steps; step++) {
      const { operation } = this.random.weighted(operations);
      if (operation.alone) await this.#quiet();
      const running = operation.run(this).finally(() => this.#running.delete(running));
      this.#running.add(running);
      // Its failure is seen where all are waited for.
      running.catch(() => {});
      if (operation.alone) await running;
      else if (this.#running.size > this.random.below(8)) await Promise.race(this.#running);
    }
    await this.#quiet();
  }

  newValue(): number {
    return ++this.#value;
  }

  /** Takes sectors that no request under way touches; with a grain, whole grains or up to the end of the disk. */
  async freeRange(grain = 1): Promise<SectorRange> {
    if (this.random.once(10)) this.#focus = this.random.below(this.#size);
    let most = this.random.of(3, 20, 120);
    for (let tries = 1; ; tries++) {
      const range = this.#drawRange(most, grain);
      const taken = [...this.#busy].some((other) => other.first < range.end && range.first < other.end);
      if (!taken) {
        this.#busy.add(range);
        return range;
      }
      most = Math.max(1, most >> 1);
      // On a small disk everything may be taken.
      if (tries % 16 === 0) await Promise.race(this.#running);
    }
  }

  #drawRange(most: number, grain: number): SectorRange {
    const near = this.#focus + this.random.below(24);
    const at = this.random.once(2) || near >= this.#size ? this.random.below(this.#size) : near;
    const first = at - (at % grain);
    const length = Math.ceil((1 + this.random.below(most)) / grain) * grain;
    return { first, end: Math.min(this.#size, rowEnd(this.scene, first), first + length) };
  }

  /** Changes sectors to a value; to nothing at all, where `keepsOld` says that they may stay as they are. */
  async change(
    range: SectorRange,
    value: number,
    keepsOld: boolean,
    run: (call: CallOptions, offset: number, length: number) => Promise<void>,
  ): Promise<void> {
    const offset = offsetOf(this.scene, range.first);
    this.#busy.add(range);
    await this.attempt(async (call) => {
      // Where it fails, this event never ends: the sectors may be as before or changed, until it is done again.
      const event = { value, keepsOld, begin: this.#log.tick(), end: Infinity };
      for (let sector = range.first; sector < range.end; sector++) {
        this.ledger.note(this.ledger.sectors[sector], event);
        this.#now[sector] = [...(this.#now[sector] ?? []), value];
      }
      await run(call, offset, (range.end - range.first) * SECTOR);
      event.end = this.#log.tick();
    });
    if (!keepsOld) this.#settle(range.first, range.end, value);
    this.#busy.delete(range);
  }

  /** Reads sectors and compares; of another disk, where this one has been opened again. */
  async read(range: SectorRange, disk: Backend = this.disk): Promise<void> {
    const { bytes, words } = sectorBuffer(range.end - range.first);
    this.#busy.add(range);
    await this.attempt((call) => disk.read(bytes, offsetOf(this.scene, range.first), call));
    this.#busy.delete(range);
    for (let sector = range.first; sector < range.end; sector++) {
      const found = valueOf(words, sector - range.first, sector);
      const expected = this.#now[sector] ?? [];
      demand(expected.includes(found), () => `sector ${sector} reads as ${found}, must be ${expected.join(" or ")}`);
      this.#now[sector] = [found];
    }
  }

  /** Reads the whole disk and compares. Nothing else is under way. */
  async readAll(disk: Backend = this.disk): Promise<void> {
    for (let first = 0; first < this.#size;) {
      const end = Math.min(this.#size, rowEnd(this.scene, first));
      await this.read({ first, end }, disk);
      first = end;
    }
  }

  sync(): Promise<void> {
    return this.attempt(async (call) => {
      const time = { begin: this.#log.tick(), end: Infinity };
      this.ledger.noteSync(time);
      await this.disk.sync(call);
      time.end = this.#log.tick();
    });
  }

  /** Sets the size in sectors; what is cut off is zero when it comes back. */
  async resize(size: number, run: (call: CallOptions) => Promise<void>): Promise<void> {
    const emptied = this.ledger.sectors.slice(Math.min(size, this.#size));
    await this.attempt(async (call) => {
      const changes = emptied.map((register) => ({ register, value: 0 }));
      await this.#noted([{ register: this.ledger.size, value: size }, ...changes], () => run(call));
    });
    this.#settle(Math.min(size, this.#size), this.scene.sectors, 0);
    this.#size = size;
  }

  /** Does something, again where an outage has made it fail. */
  async attempt(run: (call: CallOptions) => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      beat();
      try {
        return await run({ signal: this.#outage?.signal() });
      } catch (error) {
        if (!this.#outage?.explains(error, tries)) throw error;
      }
    }
  }

  /** What each sector of the disk holds; reads those of which a discard has made that uncertain. */
  async content(): Promise<number[]> {
    for (let sector = 0; sector < this.#size; sector++) {
      if ((this.#now[sector] ?? []).length > 1) await this.read({ first: sector, end: sector + 1 });
    }
    return this.#now.slice(0, this.#size).map(([value = 0]) => value);
  }

  /** Makes the whole disk what it was once; where that fails, it may be either. */
  async replace(content: readonly number[], run: (call: CallOptions) => Promise<void>): Promise<void> {
    const now = Array.from({ length: this.scene.sectors }, (_, sector) => content[sector] ?? 0);
    await this.attempt(async (call) => {
      const changes = now.map((value, sector) => ({ register: this.ledger.sectors[sector], value }));
      await this.#noted([...changes, { register: this.ledger.size, value: content.length }], () => run(call));
    });
    for (const [sector, value] of now.entries()) this.#settle(sector, sector + 1, value);
    this.#size = content.length;
  }

  /** Sets another register of the ledger; where that fails, it may be either. */
  async turn(register: Register<number>, value: number, run: (call: CallOptions) => Promise<void>): Promise<void> {
    await this.attempt((call) => this.#noted([{ register, value }], () => run(call)));
  }

  async #noted(
    changes: readonly { readonly register: Register<number> | undefined; readonly value: number }[],
    run: () => Promise<void>,
  ): Promise<void> {
    const begin = this.#log.tick();
    const events = changes.map(({ register, value }) => {
      const event = { value, keepsOld: false, begin, end: Infinity };
      this.ledger.note(register, event);
      return event;
    });
    await run();
    const end = this.#log.tick();
    for (const event of events) event.end = end;
  }

  /** Notes that sectors hold one value for sure. */
  #settle(first: number, end: number, value: number): void {
    for (let sector = first; sector < end; sector++) this.#now[sector] = [value];
  }

  async #quiet(): Promise<void> {
    await Promise.all(this.#running);
  }
}
