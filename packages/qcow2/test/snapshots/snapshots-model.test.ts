import { isBackendError, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { type CacheLimits, Qcow2Image } from "../../src/index.js";
import { allBytes, expectClean, firstDifference, memoryFile, pattern, plainDisk, TINY } from "../engine/support.js";
import { FaultyFile } from "../engine/faulty-file.js";
import { JitteryFile } from "../engine/jittery-file.js";
import { hasQemu, qemuImg, qemuImgJson, qemuNote, saveTo, Scratch } from "../format-support.js";
import { Random, seed } from "../interop/random.js";

const DATE = new Date("2026-01-02T03:04:05.678Z");

interface Configuration {
  readonly version: 2 | 3;
  readonly clusterSize: number;
  readonly refcountBits: number;
  readonly extendedL2?: boolean;
  readonly size: number;
  readonly backed?: boolean;
  readonly caches?: CacheLimits;
}

const configurations: Configuration[] = [
  { version: 3, clusterSize: 512, refcountBits: 16, size: 150_016, backed: true, caches: TINY },
  { version: 3, clusterSize: 512, refcountBits: 64, size: 200_192 },
  { version: 2, clusterSize: 4096, refcountBits: 16, size: 700_416, caches: TINY },
  { version: 3, clusterSize: 4096, refcountBits: 4, size: 900_096, backed: true },
  { version: 3, clusterSize: 65_536, refcountBits: 8, size: 2_000_384, caches: TINY },
  { version: 3, clusterSize: 16_384, refcountBits: 16, extendedL2: true, size: 900_096, backed: true, caches: TINY },
];

/** An image with snapshots, and what each of them must hold. */
class Album {
  readonly #its: Configuration;
  readonly #random: Random;
  readonly #base: Uint8Array;
  readonly kept = new Map<string, Uint8Array>();
  disk: Uint8Array;
  image!: Qcow2Image;

  constructor(its: Configuration, random: Random) {
    this.#its = its;
    this.#random = random;
    this.#base = pattern(Math.floor(its.size * 0.8), 7);
    this.disk = new Uint8Array(its.size);
    if (its.backed) this.disk.set(this.#base);
  }

  async create(file: JitteryFile): Promise<void> {
    const { backed = false, ...options } = this.#its;
    this.image = await Qcow2Image.create(file, {
      ...options,
      ...(backed && { backing: { name: "base", format: "raw" }, backingBackend: await plainDisk(this.#base) }),
    });
  }

  async reopen(file: JitteryFile): Promise<void> {
    await this.image.close();
    const backing = this.#its.backed ? await plainDisk(this.#base) : undefined;
    this.image = await Qcow2Image.open(file, { write: true, backing, caches: this.#its.caches });
  }

  async step(): Promise<void> {
    const random = this.#random;
    const requests = Array.from({ length: 1 + random.below(4) }, (_, lane) => this.#guest(lane));
    const action = random.below(6);
    const [some] = [...this.kept.keys()].slice(random.below(Math.max(1, this.kept.size)));
    if (action === 0 && this.kept.size < 6) {
      await Promise.all(requests);
      // Reads and syncs side by side with it.
      const busy = [this.image.sync(), allBytes(this.image).then((bytes) => this.#same(bytes, this.disk, "disk"))];
      const { id } = await this.image.snapshots.create({ name: `s${random.below(3)}`, date: DATE });
      await Promise.all(busy);
      this.kept.set(id, this.disk.slice());
    } else if (action === 1 && some !== undefined) {
      await Promise.all(requests);
      await this.image.snapshots.apply({ id: some });
      this.disk = (this.kept.get(some) ?? new Uint8Array(0)).slice();
    } else if (action === 2 && some !== undefined) {
      await Promise.all([...requests, this.image.snapshots.remove({ id: some })]);
      this.kept.delete(some);
    } else if (action === 3 && this.#its.version === 3 && random.once(3)) {
      await Promise.all(requests);
      // QEMU applies no snapshot whose size is not a multiple of its sectors.
      const size = Math.floor((this.#its.size * (60 + random.below(60))) / 100 / 512) * 512;
      await this.image.truncate(size);
      const disk = new Uint8Array(size);
      disk.set(this.disk.subarray(0, size));
      this.disk = disk;
    } else await Promise.all(requests);
  }

  async judge(): Promise<void> {
    this.#same(await allBytes(this.image), this.disk, "disk");
    expect((await this.image.snapshots.list()).map(({ id }) => id)).toEqual([...this.kept.keys()]);
    for (const [id, bytes] of this.kept) {
      const disk = await this.image.snapshots.open({ id });
      this.#same(await allBytes(disk), bytes, `snapshot ${id}`);
      await disk.close();
    }
    await expectClean(this.image, `seed ${seed}`);
  }

  #same(found: Uint8Array, expected: Uint8Array, what: string): void {
    expect(firstDifference(found, expected), `seed ${seed}: ${what}`).toBe(-1);
  }

  async #guest(lane: number): Promise<void> {
    const random = this.#random;
    const part = Math.floor(this.disk.length / 4);
    const at = lane * part + random.below(part);
    const length = Math.min(1 + random.below(part), (lane + 1) * part - at);
    if (random.once(4)) {
      this.disk.fill(0, at, at + length);
      await this.image.writeZeroes(at, length);
    } else {
      const bytes = pattern(length, random.below(1000));
      this.disk.set(bytes, at);
      await this.image.write(bytes, at);
    }
  }
}

describe(`snapshots of a random model (INSTAR_SEED=${seed})${qemuNote}`, () => {
  for (const its of configurations) {
    const title = `version ${its.version}, clusters of ${its.clusterSize}, ${its.refcountBits} bits`;
    it(`keep what the disk was: ${title}`, { timeout: 60_000 }, async () => {
      const random = new Random(seed + its.clusterSize + its.refcountBits + its.version);
      const album = new Album(its, random);
      const pages = new MemoryPages();
      await album.create(new JitteryFile(pages, random));
      for (let step = 0; step < 45; step++) {
        await album.step();
        if (random.once(15)) await album.reopen(new JitteryFile(pages, random));
        if (step % 6 === 0) await album.judge();
      }
      await album.judge();
      await album.image.close();
      if (!hasQemu || its.backed) return;
      using scratch = new Scratch();
      const path = scratch.file("image.qcow2");
      await saveTo(path, memoryFile(pages));
      const { corruptions, leaks } = qemuImgJson(["check", "--output=json", path]);
      expect({ corruptions, leaks }).toEqual({});
      for (const [id, bytes] of album.kept) {
        qemuImg("snapshot", "-a", id, path);
        await saveTo(scratch.file("model"), await plainDisk(bytes));
        qemuImg("compare", "-f", "qcow2", "-F", "raw", path, scratch.file("model"));
      }
    });
  }
});

describe("when one request of the file fails", () => {
  it("a change of snapshots has not happened, and works when it is tried again", { timeout: 60_000 }, async () => {
    const written = pattern(40_000, 1);
    const rewritten = pattern(9000, 2);
    const script: ((image: Qcow2Image) => Promise<unknown>)[] = [
      (image) => image.write(written, 0),
      (image) => image.snapshots.create({ name: "a", date: DATE }),
      (image) => image.write(rewritten, 3000),
      (image) => image.snapshots.create({ name: "b", date: DATE }),
      (image) => image.truncate(90_000),
      (image) => image.snapshots.apply({ name: "a" }),
      (image) => image.snapshots.remove({ name: "a" }),
      (image) => image.snapshots.apply({ name: "b" }),
    ];
    const model = written.slice();
    model.set(rewritten, 3000);
    let requests = Infinity;
    let surfaced = 0;
    for (let nth = 0; nth < requests; nth++) {
      const pages = new MemoryPages();
      const file = new FaultyFile(memoryFile(pages));
      const image = await Qcow2Image.create(file, { size: 60_000, clusterSize: 512, caches: TINY });
      file.requests.length = 0;
      file.fails = () => file.requests.length - 1 === nth;
      for (const step of script) {
        const before = (await image.snapshots.list().catch(() => undefined))?.map(({ name }) => name);
        try {
          await step(image);
        } catch (error) {
          surfaced++;
          expect(isBackendError(error, "ERR_IO"), String(error)).toBe(true);
          if (before) expect((await image.snapshots.list()).map(({ name }) => name)).toEqual(before);
          await expectClean(image, `request ${nth}`);
          await step(image);
        }
      }
      requests = file.requests.length;
      file.fails = () => false;
      await image.close();
      const again = await Qcow2Image.open(memoryFile(pages));
      const found = await allBytes(again);
      expect(firstDifference(found.subarray(0, model.length), model), `request ${nth}`).toBe(-1);
      expect(found.length).toBe(60_000);
      expect(await again.snapshots.list()).toMatchObject([{ id: "2", name: "b", diskSize: 60_000 }]);
      await expectClean(again, `request ${nth}`);
    }
    expect(surfaced).toBeGreaterThan(30);
  });
});
