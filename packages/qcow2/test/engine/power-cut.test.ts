import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { Random, seed } from "../interop/random.js";
import { Clock, RecordingFile } from "./recording-file.js";
import { allBytes, bytesAt, encryptionOf, expectClean, memoryFile, plainDisk, TINY } from "./support.js";

const SECTOR = 512;
const SECTORS = 700;
const BACKED = 300;
/** Sectors that lie side by side; between two groups there may be a gap. */
const GROUP = 100;
const ENCRYPTION = encryptionOf("secret");
const CUTS = Number(process.env["INSTAR_CUTS"] ?? 150);

/** How an image is made and used. */
interface Scene {
  readonly clusterSize: number;
  readonly refcountBits: number;
  readonly extendedL2?: boolean;
  readonly backed?: boolean;
  /** Whether what is read from the backing image is copied. */
  readonly copyOnRead?: boolean;
  /** Whether clusters are set aside now and then. */
  readonly preallocates?: boolean;
  /** Whether guest data is in another file, and what that is. */
  readonly dataFile?: "plain" | "raw";
  /** Whether guest data is encrypted. */
  readonly encrypted?: boolean;
  /** Guest bytes between two groups of sectors, which spread them over the tables. */
  readonly gap?: number;
  /** Guest bytes behind the sectors that are written beforehand, so that the refcount table has to grow soon. */
  readonly filler?: number;
}

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
  readonly dataFile: RecordingFile;
  readonly #its: Scene;
  readonly #gap: number;
  #image!: Qcow2Image;
  #value = 1;
  /** Sectors of the disk. Where it is resized it begins small, so that the L1 table has to move. */
  #size: number;
  readonly #firstSize: number;

  constructor(random: Random, scene: Scene) {
    this.#random = random;
    this.#its = scene;
    this.#gap = scene.gap ?? 0;
    this.#firstSize = this.#size = scene.filler ? SECTORS : SECTORS / 2;
    this.file = new RecordingFile(this.#clock, random);
    this.dataFile = new RecordingFile(this.#clock, random);
  }

  async run(steps: number): Promise<number> {
    const { clusterSize, refcountBits, extendedL2, backed = false, filler = 0, dataFile } = this.#its;
    this.#image = await Qcow2Image.create(this.file, {
      size: this.offsetOf(this.#size) + filler,
      clusterSize,
      refcountBits,
      extendedL2,
      backing: backed ? { name: "base", format: "raw" } : undefined,
      backingBackend: backed ? await baseDisk() : undefined,
      dataFile: dataFile && { name: "data", raw: dataFile === "raw", backend: this.dataFile },
      copyOnRead: this.#its.copyOnRead,
      encryption: this.#its.encrypted ? ENCRYPTION : undefined,
      caches: this.#random.once(3) ? {} : TINY,
    });
    if (filler > 0) await this.#image.write(new Uint8Array(filler).fill(0xff), this.offsetOf(SECTORS));
    await this.#image.sync();
    const begin = this.#clock.tick();
    for (let step = 0; step < steps; step++) await this.#step();
    return begin;
  }

  /** Where a sector is on the disk. */
  offsetOf(sector: number): number {
    return sector * SECTOR + Math.floor(sector / GROUP) * this.#gap;
  }

  /** What sectors may hold when the power goes at `moment`. */
  allowed(sector: number, moment: number): Set<number> {
    return this.#possible(this.#events[sector] ?? [], this.#its.backed && sector < BACKED ? 1 : 0, moment);
  }

  allowedSizes(moment: number): number[] {
    const sizes = [...this.#possible(this.#sizes, this.#firstSize, moment)];
    return sizes.map((size) => this.offsetOf(size) + (this.#its.filler ?? 0));
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
    if (!this.#its.filler && this.#random.once(12)) return this.#resize();
    const requests: Promise<void>[] = [];
    let at = this.#random.below(this.#size);
    for (let count = 1 + this.#random.below(5); count > 0 && at < this.#size; count--) {
      const most = this.#gap === 0 ? Infinity : Math.ceil((at + 1) / GROUP) * GROUP;
      const end = Math.min(this.#size, most, at + 1 + this.#random.below(this.#random.of(3, 20, 120)));
      requests.push(this.#request(at, end));
      at = end + this.#random.below(20);
    }
    if (this.#random.once(3)) requests.push(this.#sync());
    if (this.#its.copyOnRead) requests.push(this.#read(), this.#read());
    if (this.#its.preallocates && this.#random.once(6)) requests.push(this.#preallocate());
    await Promise.all(requests);
    if (this.#random.once(4)) await this.#sync();
  }

  /** The sectors of the whole clusters in a range. */
  #wholeClusters(first: number, end: number): [number, number] {
    const sectors = this.#its.clusterSize / SECTOR;
    return [Math.ceil(first / sectors) * sectors, Math.floor(end / sectors) * sectors];
  }

  async #request(begin: number, stop: number): Promise<void> {
    const [wholeBegin, wholeEnd] = this.#wholeClusters(begin, stop);
    const isWhole = wholeBegin < wholeEnd;
    const kind = this.#random.of(
      "write",
      "write",
      isWhole && !this.#its.dataFile && !this.#its.encrypted ? "compressed" : "write",
      "zero",
      "discard",
    );
    const [first, end] = kind === "compressed" ? [wholeBegin, wholeEnd] : [begin, stop];
    const value = kind === "write" || kind === "compressed" ? ++this.#value : 0;
    const event: Event = { value, keepsOld: kind === "discard", begin: this.#clock.tick(), end: Infinity };
    for (let sector = first; sector < end; sector++) this.#events[sector]?.push(event);
    const [offset, length] = [this.offsetOf(first), (end - first) * SECTOR];
    if (value > 0) {
      const bytes = new Uint8Array(length);
      for (let sector = first; sector < end; sector++) {
        bytes.set(sectorBytes(sector, value), (sector - first) * SECTOR);
      }
      if (kind === "write") await this.#image.write(bytes, offset);
      else await this.#image.writeCompressed(bytes, offset);
    } else if (kind === "zero") await this.#image.writeZeroes(offset, length);
    else await this.#image.discard(offset, length);
    event.end = this.#clock.tick();
  }

  async #read(): Promise<void> {
    const first = this.#random.below(this.#size);
    const sectors = Math.min(this.#size - first, 1 + this.#random.below(100));
    await bytesAt(this.#image, this.offsetOf(first), sectors * SECTOR);
  }

  async #preallocate(): Promise<void> {
    const first = this.#random.below(this.#size);
    const sectors = Math.min(this.#size - first, 1 + this.#random.below(200));
    const mode = this.#random.of("metadata", "full");
    await this.#image.preallocate(this.offsetOf(first), sectors * SECTOR, { mode });
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
  for (const scene of [
    { clusterSize: 512, refcountBits: 64 },
    { clusterSize: 512, refcountBits: 64, filler: 1_950_000 },
    { clusterSize: 512, refcountBits: 16, backed: true },
    { clusterSize: 512, refcountBits: 16, gap: 5_000_000 - (5_000_000 % SECTOR) },
    { clusterSize: 2048, refcountBits: 1, backed: true },
    { clusterSize: 4096, refcountBits: 16 },
    { clusterSize: 65536, refcountBits: 16, backed: true },
    { clusterSize: 16384, refcountBits: 16, extendedL2: true },
    { clusterSize: 4096, refcountBits: 16, backed: true, copyOnRead: true },
    { clusterSize: 16384, refcountBits: 16, extendedL2: true, backed: true, copyOnRead: true, preallocates: true },
    { clusterSize: 1024, refcountBits: 16, preallocates: true },
    { clusterSize: 32768, refcountBits: 16, extendedL2: true, backed: true },
    { clusterSize: 2048, refcountBits: 16, backed: true, dataFile: "plain" },
    { clusterSize: 4096, refcountBits: 16, dataFile: "raw" },
    { clusterSize: 4096, refcountBits: 16, encrypted: true },
  ] as Scene[]) {
    const title = Object.entries(scene)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
    it(title, { timeout: 120_000 }, async () => {
      const random = new Random(seed + scene.clusterSize + scene.refcountBits + (scene.filler ?? 0));
      const history = new History(random, scene);
      const begin = await history.run(60);
      const all = [...history.file.moments, ...history.dataFile.moments];
      const moments = all.filter((moment) => moment >= begin);
      const switches = history.file.switches.filter((moment) => moment >= begin);
      if (scene.filler) expect(switches.length, "the refcount table grows").toBeGreaterThan(0);
      const cuts = Array.from({ length: CUTS }, () => moments[random.below(moments.length)] ?? begin);
      for (const [cut, moment] of [...cuts, ...switches.slice(0, 100)].entries()) {
        const lost = random.of(0, 1, 2, 2, 2, 20);
        const keep = (): boolean => lost !== 0 && (lost === 1 || random.once(lost) !== lost > 2);
        const pages = history.file.after(moment, keep);
        const dataFile = scene.dataFile && memoryFile(history.dataFile.after(moment, keep));
        const where = `seed ${seed}, cut ${cut} at ${moment}, lost ${lost}`;
        const image = await Qcow2Image.open(memoryFile(pages), {
          write: true,
          backing: scene.backed ? await baseDisk() : undefined,
          dataFile,
          encryption: scene.encrypted ? ENCRYPTION : undefined,
        });
        const { corruptions, checkErrors, problems } = await image.check();
        const serious = problems.filter(({ kind }) => kind !== "leak");
        expect({ corruptions, checkErrors, serious }, where).toEqual({ corruptions: 0, checkErrors: 0, serious: [] });
        expect(history.allowedSizes(moment), where).toContain(image.size);
        const bytes = scene.gap ? undefined : await allBytes(image);
        const raw = scene.dataFile === "raw" && dataFile ? await allBytes(dataFile) : undefined;
        for (let sector = 0; sector < SECTORS && history.offsetOf(sector) < image.size; sector++) {
          const at = history.offsetOf(sector);
          const found = bytes?.subarray(at, at + SECTOR) ?? (await bytesAt(image, at, SECTOR));
          const allowed = [...history.allowed(sector, moment)];
          const isAllowed = (shown: Uint8Array): boolean =>
            allowed.some((value) => Buffer.compare(shown, sectorBytes(sector, value)) === 0);
          if (raw)
            expect(isAllowed(raw.subarray(at, at + SECTOR)), `${where}: sector ${sector} of the raw file`).toBe(true);
          if (!isAllowed(found)) {
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
    const history = new History(random, { clusterSize: 4096, refcountBits: 16 });
    await history.run(40);
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
