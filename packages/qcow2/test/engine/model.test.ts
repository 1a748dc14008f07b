import { type Backend, isBackendError, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuImgJson, qemuNote, saveTo, Scratch } from "../format-support.js";
import { Random, seed } from "../interop/random.js";
import { JitteryFile } from "./jittery-file.js";
import {
  allBytes,
  encryptionOf,
  expectClean,
  firstDifference,
  memoryFile,
  noise,
  pattern,
  plainDisk,
  TINY,
} from "./support.js";

interface Configuration {
  readonly version: 2 | 3;
  readonly clusterSize: number;
  readonly refcountBits: number;
  readonly extendedL2?: boolean;
  readonly copyOnRead?: boolean;
  readonly size: number;
  /** Size of the backing image. */
  readonly backing?: number;
  /** Whether guest data is in another file, and what that is. */
  readonly dataFile?: "plain" | "raw";
  /** Whether guest data is encrypted. */
  readonly encrypted?: boolean;
}

const K = 1024;
const configurations: Configuration[] = [
  { version: 3, clusterSize: 512, refcountBits: 64, size: 300 * K + 100 },
  { version: 3, clusterSize: 512, refcountBits: 16, size: 200 * K, backing: 150 * K + 77 },
  { version: 2, clusterSize: 512, refcountBits: 16, size: 400 * K },
  { version: 3, clusterSize: 4 * K, refcountBits: 1, size: 1500 * K, backing: 2000 * K },
  { version: 2, clusterSize: 4 * K, refcountBits: 16, size: 1000 * K + 512, backing: 700 * K },
  { version: 3, clusterSize: 64 * K, refcountBits: 16, size: 6000 * K },
  { version: 3, clusterSize: 2048 * K, refcountBits: 8, size: 9000 * K },
  { version: 3, clusterSize: 16 * K, refcountBits: 16, extendedL2: true, size: 1500 * K + 77 },
  { version: 3, clusterSize: 64 * K, refcountBits: 16, extendedL2: true, size: 4000 * K, backing: 3000 * K + 300 },
  { version: 3, clusterSize: 4 * K, refcountBits: 16, copyOnRead: true, size: 1000 * K + 77, backing: 800 * K + 300 },
  { version: 2, clusterSize: 16 * K, refcountBits: 16, copyOnRead: true, size: 1500 * K, backing: 2000 * K },
  { version: 3, clusterSize: 4 * K, refcountBits: 16, size: 1500 * K + 77, backing: 900 * K, dataFile: "plain" },
  { version: 3, clusterSize: 512, refcountBits: 16, size: 300 * K + 100, dataFile: "raw" },
  { version: 3, clusterSize: 16 * K, refcountBits: 16, extendedL2: true, size: 2000 * K, dataFile: "raw" },
  { version: 3, clusterSize: 4 * K, refcountBits: 16, size: 1200 * K + 77, backing: 700 * K, encrypted: true },
];
const ENCRYPTION = encryptionOf("secret");
const SECRET = ["--object", "secret,id=key,data=secret"];
const STEPS = Number(process.env["INSTAR_STEPS"] ?? 600);

/** An image and a plain array that must stay alike. */
class Pair {
  readonly #its: Configuration;
  readonly #random: Random;
  readonly #pages = new MemoryPages();
  #base: Uint8Array | undefined;
  model: Uint8Array;
  image!: Qcow2Image;
  #file: JitteryFile;
  readonly #dataPages = new MemoryPages();
  #dataFile: JitteryFile;
  #tries = 1;

  constructor(configuration: Configuration, random: Random) {
    this.#its = configuration;
    this.#random = random;
    this.model = new Uint8Array(configuration.size);
    this.#file = new JitteryFile(this.#pages, random);
    this.#dataFile = new JitteryFile(this.#dataPages, random);
    if (configuration.backing !== undefined) {
      this.#base = pattern(configuration.backing, 99);
      this.model.set(this.#base.subarray(0, configuration.size));
    }
  }

  async create(): Promise<void> {
    const { version, clusterSize, refcountBits, extendedL2, copyOnRead, size, backing, dataFile } = this.#its;
    const backingBackend = await this.#backing();
    this.image = await Qcow2Image.create(this.#file, {
      version,
      clusterSize,
      refcountBits,
      extendedL2,
      copyOnRead,
      size,
      compressionType: version === 3 && this.#random.once(2) ? "zstd" : "zlib",
      caches: TINY,
      ...(backing !== undefined && { backing: { name: "base", format: "raw" } }),
      backingBackend,
      encryption: this.#its.encrypted ? ENCRYPTION : undefined,
      ...(dataFile && { dataFile: { name: "data", raw: dataFile === "raw", backend: this.#dataFile } }),
    });
  }

  async reopen(): Promise<void> {
    await this.image.close();
    this.#file = new JitteryFile(this.#pages, this.#random);
    this.#dataFile = new JitteryFile(this.#dataPages, this.#random);
    this.image = await Qcow2Image.open(this.#file, {
      write: true,
      copyOnRead: this.#its.copyOnRead,
      caches: this.#random.once(2) ? TINY : {},
      backing: await this.#backing(),
      dataFile: this.#its.dataFile && this.#dataFile,
      encryption: this.#its.encrypted ? ENCRYPTION : undefined,
    });
  }

  /** Runs `work` while one request of the file in so many fails. */
  async withFaults(oneIn: number, work: () => Promise<void>): Promise<void> {
    // To drop a table of large clusters takes hundreds of requests, all of which must succeed.
    this.#file.faults = this.#its.clusterSize > 1_000_000 ? oneIn * 100 : oneIn;
    // A write of many fragments would else have to be lucky forty times in a row.
    this.#file.faultsLeft = 500;
    this.#dataFile.faults = this.#file.faults;
    this.#dataFile.faultsLeft = 500;
    this.#tries = 1000;
    await work();
    this.#file.faults = 0;
    this.#dataFile.faults = 0;
    // What a cache has begun to write in the background may still fail.
    await this.#try(() => this.image.sync());
    this.#tries = 1;
  }

  /** Requests that do not overlap, side by side; they meet in clusters and tables. */
  async batch(): Promise<void> {
    const ranges = this.#ranges(1 + this.#random.below(8));
    const requests: Promise<void>[] = ranges.map(([begin, end]) => this.#one(begin, end));
    if (this.#random.once(5)) requests.push(this.#try(() => this.image.sync()));
    if (this.#random.once(30) && this.#tries === 1) requests.push(expectClean(this.image));
    await Promise.all(requests);
  }

  async resize(): Promise<void> {
    const size = Math.floor(this.#its.size * (0.6 + this.#random.below(60) / 100));
    await this.#try(() => this.image.truncate(size));
    const model = new Uint8Array(size);
    model.set(this.model.subarray(0, size));
    this.model = model;
  }

  async expectEqual(where: string): Promise<void> {
    expect(firstDifference(await allBytes(this.image), this.model), where).toBe(-1);
    if (this.#its.dataFile !== "raw") return;
    expect(firstDifference(await allBytes(this.#dataFile), this.model), `${where}: the raw data file`).toBe(-1);
  }

  async save(scratch: Scratch): Promise<string> {
    await this.image.sync();
    const path = scratch.file("image.qcow2");
    await saveTo(path, memoryFile(this.#pages));
    if (this.#base) await saveTo(scratch.file("base"), await plainDisk(this.#base));
    if (this.#its.dataFile) await saveTo(scratch.file("data"), memoryFile(this.#dataPages));
    return path;
  }

  async #backing(): Promise<Backend | undefined> {
    return this.#base && plainDisk(this.#base);
  }

  async #one(begin: number, end: number): Promise<void> {
    const length = end - begin;
    const choice = this.#random.below(10);
    if (choice < 1 && !this.#its.dataFile && !this.#its.encrypted) await this.#compressed(begin, end);
    else if (choice < 5) {
      const bytes = pattern(length, this.#random.below(1000));
      await this.#try(() => this.image.write(bytes, begin));
      this.model.set(bytes, begin);
    } else if (choice < 7) {
      await this.#try(() => this.image.writeZeroes(begin, length));
      this.model.fill(0, begin, end);
    } else if (choice < 8) {
      await this.#try(() => this.image.discard(begin, length));
      const now = new Uint8Array(length);
      await this.#try(() => this.image.read(now, begin));
      const odd = now.findIndex((byte, index) => byte !== 0 && byte !== this.model[begin + index]);
      expect(odd, `discard of ${length} at ${begin} shows something else`).toBe(-1);
      this.model.set(now, begin);
    } else {
      const now = new Uint8Array(length);
      await this.#try(() => this.image.read(now, begin));
      expect(firstDifference(now, this.model.subarray(begin, end)), `read of ${length} at ${begin}`).toBe(-1);
    }
  }

  /** Writes the whole clusters of a range compressed. */
  async #compressed(begin: number, end: number): Promise<void> {
    const { clusterSize } = this.#its;
    const first = Math.ceil(begin / clusterSize) * clusterSize;
    const last = end === this.model.length ? end : Math.floor(end / clusterSize) * clusterSize;
    if (first >= last) return;
    const bytes = this.#random.once(4) ? noise(last - first) : pattern(last - first, this.#random.below(1000));
    await this.#try(() => this.image.writeCompressed(bytes, first, { unordered: this.#random.once(2) }));
    this.model.set(bytes, first);
  }

  /** Does something again until it succeeds. */
  async #try(what: () => Promise<void>): Promise<void> {
    for (let left = this.#tries - 1; ; left--) {
      try {
        return await what();
      } catch (error) {
        if (left === 0 || !isBackendError(error, "ERR_IO")) throw error;
      }
    }
  }

  #ranges(count: number): [number, number][] {
    const sector = this.#random.once(3) ? 1 : 512;
    const most = this.#random.of(2, 4, 40) * this.#its.clusterSize;
    const ranges: [number, number][] = [];
    let at = this.#random.below(this.model.length);
    for (let index = 0; index < count; index++) {
      at = Math.ceil(at / sector) * sector;
      const length = Math.max(sector, Math.floor(this.#random.below(Math.min(most, 300_000)) / sector) * sector);
      const end = Math.min(this.model.length, at + length);
      if (at >= end) break;
      ranges.push([at, end]);
      at = end + (this.#random.once(2) ? 0 : this.#random.below(3 * this.#its.clusterSize));
    }
    return ranges;
  }
}

describe(`random requests leave an image like a plain array (INSTAR_SEED=${seed})`, () => {
  for (const configuration of configurations) {
    const { version, clusterSize, refcountBits, extendedL2 = false, copyOnRead } = configuration;
    const { backing, dataFile, encrypted } = configuration;
    const kind = `${extendedL2 ? ", extended L2 entries" : ""}${copyOnRead ? ", copied on read" : ""}`;
    const over = backing === undefined ? "" : " over a backing image";
    const beside = `${dataFile ? `, data in a ${dataFile} file` : ""}${encrypted ? ", encrypted" : ""}`;
    const title = `version ${version}, clusters of ${clusterSize}, refcounts of ${refcountBits} bits${kind}${over}${beside}`;

    it(`${title}${qemuNote}`, { timeout: 120_000 }, async () => {
      const random = new Random(seed + clusterSize + version * 7 + refcountBits);
      const pair = new Pair(configuration, random);
      await pair.create();
      const steps = clusterSize > 1_000_000 ? STEPS / 6 : STEPS;
      for (let step = 0; step < steps; step++) {
        const where = `seed ${seed}, step ${step}`;
        if (random.once(10)) await pair.withFaults(random.of(5, 20, 100), () => pair.batch());
        else await pair.batch();
        if (random.once(10)) await pair.image.sync();
        if (random.once(40)) await expectClean(pair.image, where);
        if (random.once(40)) await pair.expectEqual(where);
        if (random.once(60)) await pair.withFaults(random.of(0, 5, 20), () => pair.resize());
        if (random.once(60)) await pair.reopen();
      }
      await pair.expectEqual(`seed ${seed}, at the end`);
      await expectClean(pair.image, `seed ${seed}, at the end`);
      if (hasQemu) {
        using scratch = new Scratch();
        const path = await pair.save(scratch);
        const named = `driver=qcow2,file.filename=${path}`;
        // QEMU looks for a data file in the current directory.
        const beyond = dataFile ? `,data-file.filename=${scratch.file("data")}` : "";
        const disk = `${named}${beyond}${encrypted ? ",encrypt.key-secret=key" : ""}`;
        const report = qemuImgJson(["check", "--output=json", ...SECRET, "--image-opts", disk]);
        expect({ leaks: report["leaks"], corruptions: report["corruptions"] }).toEqual({});
        // QEMU leaves out the part of a sector at the end of a disk.
        const whole = pair.model.subarray(0, pair.model.length - (pair.model.length % 512));
        await saveTo(scratch.file("model"), await plainDisk(whole));
        qemuImg("compare", ...SECRET, "--image-opts", disk, `driver=raw,file.filename=${scratch.file("model")}`);
      }
      await pair.image.close();
    });
  }
});
