import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { Random, seed } from "../interop/random.js";
import { Clock, RecordingFile } from "./recording-file.js";
import { allBytes, bytesAt, expectClean, memoryFile, plainDisk, TINY } from "./support.js";

const SECTOR = 512;
const SECTORS = 700;
const BACKED = 300;
/** Sectors that lie side by side; between two groups there may be a gap. */
const GROUP = 100;
const CUTS = Number(process.env["INSTAR_CUTS"] ?? 150);

/** Something done to a sector (or to the size): its values before may stay, until the change is durable. */
interface Event {
  readonly value: number;
  readonly keepsOld: boolean;
  readonly begin: number;
  end: number;
}

/** A sector says which sector it is and which request wrote it. */
function sectorBytes(sector: number, value: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR);
  if (value === 0) return bytes;
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < SECTOR; at += 8) {
    view.setUint32(at, sector + 1);
    view.setUint32(at + 4, value);
  }
  return bytes;
}

/** Requests to an image, and what each sector may hold at any moment. */
class History {
  readonly #clock = new Clock();
  readonly #random: Random;
  readonly #events: Event[][] = Array.from({ length: SECTORS }, () => []);
  readonly #sizes: Event[] = [];
  readonly #syncs: { readonly begin: number; end: number }[] = [];
  readonly file: RecordingFile;
  readonly #gap: number;
  #image!: Qcow2Image;
  #value = 1;
  #size = SECTORS;

  /** @param gap guest bytes between two groups of sectors, which spread them over the tables */
  constructor(random: Random, gap: number) {
    this.#random = random;
    this.#gap = gap;
    this.file = new RecordingFile(this.#clock, random);
  }

  async run(clusterSize: number, refcountBits: number, backed: boolean, steps: number): Promise<number> {
    const backing = backed ? { name: "base", format: "raw" } : undefined;
    const caches = this.#random.once(3) ? {} : TINY;
    const backingBackend = backed ? await baseDisk() : undefined;
    const size = this.offsetOf(SECTORS);
    this.#image = await Qcow2Image.create(this.file, {
      size,
      clusterSize,
      refcountBits,
      backing,
      backingBackend,
      caches,
    });
    const begin = this.#clock.tick();
    for (let step = 0; step < steps; step++) await this.#step();
    return begin;
  }

  /** Where a sector is on the disk. */
  offsetOf(sector: number): number {
    return sector * SECTOR + Math.floor(sector / GROUP) * this.#gap;
  }

  /** What sectors may hold when the power goes at `moment`. */
  allowed(sector: number, moment: number, backed: boolean): Set<number> {
    return this.#possible(this.#events[sector] ?? [], backed && sector < BACKED ? 1 : 0, moment);
  }

  allowedSizes(moment: number): Set<number> {
    return this.#possible(this.#sizes, SECTORS, moment);
  }

  #possible(events: readonly Event[], first: number, moment: number): Set<number> {
    const synced = Math.max(0, ...this.#syncs.filter(({ end }) => end <= moment).map(({ begin }) => begin));
    let values = new Set([first]);
    for (const { value, keepsOld, begin, end } of events) {
      if (begin > moment) break;
      if (end < synced && !keepsOld) values = new Set();
      values.add(value);
    }
    return values;
  }

  async #step(): Promise<void> {
    if (this.#random.once(12)) return this.#resize();
    const requests: Promise<void>[] = [];
    let at = this.#random.below(this.#size);
    for (let count = 1 + this.#random.below(5); count > 0 && at < this.#size; count--) {
      const most = this.#gap === 0 ? Infinity : Math.ceil((at + 1) / GROUP) * GROUP;
      const end = Math.min(this.#size, most, at + 1 + this.#random.below(this.#random.of(3, 20, 120)));
      requests.push(this.#request(at, end));
      at = end + this.#random.below(20);
    }
    if (this.#random.once(3)) requests.push(this.#sync());
    await Promise.all(requests);
    if (this.#random.once(4)) await this.#sync();
  }

  async #request(first: number, end: number): Promise<void> {
    const kind = this.#random.of("write", "write", "write", "zero", "discard");
    const value = kind === "write" ? ++this.#value : 0;
    const event: Event = { value, keepsOld: kind === "discard", begin: this.#clock.tick(), end: Infinity };
    for (let sector = first; sector < end; sector++) this.#events[sector]?.push(event);
    const [offset, length] = [this.offsetOf(first), (end - first) * SECTOR];
    if (kind === "write") {
      const bytes = new Uint8Array(length);
      for (let sector = first; sector < end; sector++) {
        bytes.set(sectorBytes(sector, value), (sector - first) * SECTOR);
      }
      await this.#image.write(bytes, offset);
    } else if (kind === "zero") await this.#image.writeZeroes(offset, length);
    else await this.#image.discard(offset, length);
    event.end = this.#clock.tick();
  }

  async #sync(): Promise<void> {
    const sync = { begin: this.#clock.tick(), end: Infinity };
    this.#syncs.push(sync);
    await this.#image.sync();
    sync.end = this.#clock.tick();
  }

  async #resize(): Promise<void> {
    const size = SECTORS - this.#random.below(SECTORS / 2);
    const begin = this.#clock.tick();
    const sized: Event = { value: size, keepsOld: false, begin, end: Infinity };
    const emptied: Event = { value: 0, keepsOld: false, begin, end: Infinity };
    this.#sizes.push(sized);
    for (const events of this.#events.slice(Math.min(size, this.#size))) events.push(emptied);
    await this.#image.truncate(this.offsetOf(size));
    this.#size = size;
    emptied.end = sized.end = this.#clock.tick();
  }
}

async function baseDisk(): ReturnType<typeof plainDisk> {
  const bytes = new Uint8Array(BACKED * SECTOR);
  for (let sector = 0; sector < BACKED; sector++) bytes.set(sectorBytes(sector, 1), sector * SECTOR);
  return plainDisk(bytes);
}

describe(`after a power cut an image has no corruption and holds what was synced (INSTAR_SEED=${seed})`, () => {
  for (const [clusterSize, refcountBits, backed, gap] of [
    [512, 64, false, 0],
    [512, 16, true, 0],
    [512, 16, false, 5_000_000 - (5_000_000 % SECTOR)],
    [2048, 1, true, 0],
    [4096, 16, false, 0],
    [65536, 16, true, 0],
  ] as const) {
    const how = `${backed ? " over a backing image" : ""}${gap === 0 ? "" : ", sparse"}`;
    const title = `clusters of ${clusterSize}, refcounts of ${refcountBits} bits${how}`;
    it(title, { timeout: 120_000 }, async () => {
      const random = new Random(seed + clusterSize + refcountBits);
      const history = new History(random, gap);
      const begin = await history.run(clusterSize, refcountBits, backed, 60);
      const moments = history.file.moments.filter((moment) => moment >= begin);
      for (let cut = 0; cut < CUTS; cut++) {
        const moment = moments[random.below(moments.length)] ?? begin;
        const lost = random.of(0, 1, 2, 2, 2, 20);
        const pages = history.file.after(moment, () => lost !== 0 && (lost === 1 || random.once(lost) !== lost > 2));
        const where = `seed ${seed}, cut ${cut} at ${moment}, lost ${lost}`;
        const image = await Qcow2Image.open(memoryFile(pages), {
          write: true,
          backing: backed ? await baseDisk() : undefined,
        });
        const { corruptions, checkErrors, problems } = await image.check();
        const serious = problems.filter(({ kind }) => kind !== "leak");
        expect({ corruptions, checkErrors, serious }, where).toEqual({ corruptions: 0, checkErrors: 0, serious: [] });
        const sizes = [...history.allowedSizes(moment)].map((size) => history.offsetOf(size));
        expect(sizes, where).toContain(image.size);
        const bytes = gap === 0 ? await allBytes(image) : undefined;
        for (let sector = 0; history.offsetOf(sector) < image.size; sector++) {
          const at = history.offsetOf(sector);
          const found = bytes?.subarray(at, at + SECTOR) ?? (await bytesAt(image, at, SECTOR));
          const allowed = [...history.allowed(sector, moment, backed)];
          const fits = allowed.some((value) => Buffer.compare(found, sectorBytes(sector, value)) === 0);
          if (!fits) {
            const shown = Array.from(new Uint32Array(found.slice(0, 16).buffer), (word) => word.toString(16)).join(" ");
            expect.fail(`${where}: sector ${sector} holds ${shown}, may hold the values ${allowed.join(", ")}`);
          }
        }
        await image.close();
      }
    });
  }
});

describe("an image that survived a power cut", () => {
  it("is written to and checked like any other", async () => {
    const random = new Random(seed);
    const history = new History(random, 0);
    await history.run(4096, 16, false, 40);
    const moments = history.file.moments;
    const pages = history.file.after(moments[moments.length >> 1] ?? 0, () => random.once(2));
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    const leaksBefore = (await image.check()).leaks;
    await image.write(sectorBytes(5, 77), 5 * SECTOR);
    await image.sync();
    const { corruptions, leaks } = await image.check();
    expect(corruptions).toBe(0);
    expect(leaks).toBeLessThanOrEqual(leaksBefore);
    if (leaksBefore === 0) await expectClean(image);
  });
});
