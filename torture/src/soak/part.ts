import { MemoryBackend, MemoryPages } from "@instar/backend";
import { Qcow2Image } from "@instar/qcow2";

import { beat } from "../examiner/heart.ts";
import { type Part, Tally } from "../examiner/part.ts";
import { demand } from "../finding.ts";
import { Random } from "../random.ts";

const COMPARE_EVERY = 10_000;
const K = 1024;
const TINY = { l1Bytes: 1, l2Bytes: 1, refcountTableBytes: 1, refcountBytes: 1 };

/** Kinds of images that are soaked: one per job. */
const SHAPES = [
  { clusterSize: 512, refcountBits: 16, size: 900 * K + 100 },
  { clusterSize: 4 * K, refcountBits: 64, size: 3000 * K },
  { clusterSize: 64 * K, refcountBits: 16, size: 8000 * K },
  { version: 2 as const, clusterSize: 2 * K, refcountBits: 16, size: 1000 * K },
];

/** So many random requests to one image with tiny caches, against a plain array of bytes. */
function soakOf(name: string, operations: number): Part {
  return {
    name,
    async run(job, seed) {
      const soak = await Soak.of(SHAPES[job % SHAPES.length] ?? SHAPES[0], new Random(seed, job));
      for (let done = 0; done < operations; done++) {
        await soak.step();
        if ((done + 1) % COMPARE_EVERY === 0) await soak.compare();
        beat();
      }
      await soak.compare();
      const tally = new Tally();
      tally.add("operations on one image", operations);
      return tally;
    },
  };
}

/** As much as fits into a test. */
export const soak: Part = soakOf("soak", 30_000);
/** What takes its time. */
export const million: Part = soakOf("million", 1_000_000);

class Soak {
  readonly #shape: (typeof SHAPES)[number];
  readonly #random: Random;
  readonly #pages = new MemoryPages();
  #model: Uint8Array;
  #image!: Qcow2Image;

  private constructor(shape: (typeof SHAPES)[number], random: Random) {
    this.#shape = shape;
    this.#random = random;
    this.#model = new Uint8Array(shape.size);
  }

  static async of(shape: (typeof SHAPES)[number] | undefined, random: Random): Promise<Soak> {
    if (!shape) throw new Error("there are no shapes");
    const made = new Soak(shape, random);
    const { size, clusterSize, refcountBits, version } = shape;
    const options = { size, clusterSize, refcountBits, version, caches: TINY };
    made.#image = await Qcow2Image.create(new MemoryBackend({ pages: made.#pages }), options);
    return made;
  }

  async step(): Promise<void> {
    const { length } = this.#model;
    const offset = this.#random.below(length);
    const most = this.#random.of(10, 512, 5000, 5000, 40_000);
    const end = Math.min(length, offset + 1 + this.#random.below(most));
    switch (this.#random.below(16)) {
      case 0:
        return this.#image.sync();
      case 1:
        return this.#random.once(40) ? this.#resize() : undefined;
      case 2:
        return this.#random.once(300) ? this.#reopen() : undefined;
      case 3:
      case 4:
        await this.#image.writeZeroes(offset, end - offset);
        this.#model.fill(0, offset, end);
        return undefined;
      case 5:
        return this.#discard(offset, end);
      case 6:
      case 7:
      case 8:
        return this.#read(offset, end);
      default: {
        const bytes = new Uint8Array(end - offset).fill(1 + this.#random.below(255));
        await this.#image.write(bytes, offset);
        this.#model.set(bytes, offset);
        return undefined;
      }
    }
  }

  async compare(): Promise<void> {
    const { corruptions, leaks, problems } = await this.#image.check();
    demand(corruptions + leaks === 0, () => problems.map(({ message }) => message).join("; "));
    await this.#read(0, this.#model.length);
    beat();
  }

  async #read(offset: number, end: number): Promise<void> {
    const found = new Uint8Array(end - offset);
    await this.#image.read(found, offset);
    const expected = this.#model.subarray(offset, end);
    demand(Buffer.compare(found, expected) === 0, () => `${end - offset} bytes at ${offset} differ`);
  }

  /** A discard may leave what was there, but nothing else. */
  async #discard(offset: number, end: number): Promise<void> {
    await this.#image.discard(offset, end - offset);
    const found = new Uint8Array(end - offset);
    await this.#image.read(found, offset);
    const odd = found.findIndex((byte, index) => byte !== 0 && byte !== this.#model[offset + index]);
    demand(odd < 0, () => `a discard of ${end - offset} bytes at ${offset} shows something else at ${offset + odd}`);
    this.#model.set(found, offset);
  }

  async #resize(): Promise<void> {
    const size = Math.floor((this.#shape.size * (50 + this.#random.below(100))) / 100);
    await this.#image.truncate(size);
    const resized = new Uint8Array(size);
    resized.set(this.#model.subarray(0, size));
    this.#model = resized;
  }

  async #reopen(): Promise<void> {
    await this.#image.close();
    const caches = this.#random.once(4) ? {} : TINY;
    this.#image = await Qcow2Image.open(new MemoryBackend({ pages: this.#pages }), { write: true, caches });
  }
}
