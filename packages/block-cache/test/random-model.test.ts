import { BackendError, isBackendError, MemoryBackend, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { BlockCache, type BlockCacheOptions } from "../src/index.js";
import { randomFrom, readRange, seed } from "./bytes.js";
import { RecordingBackend } from "./recording-backend.js";

const ROUNDS = 120;

const configurations: readonly (BlockCacheOptions & { readonly blockSize: number })[] = [
  { blockSize: 512, bytes: 512 },
  { blockSize: 512, bytes: 1024, directRead: Infinity },
  { blockSize: 512, bytes: 8192, maxTransfer: 2048, parallel: 2, readAhead: 4096 },
  { blockSize: 1024, bytes: 4096, readAhead: 8192, directRead: 3000 },
  { blockSize: 4096, bytes: 8192, parallel: 1 },
  { blockSize: 65_536, bytes: 1024 * 1024 },
];

/** A cache over a backend that fails and dawdles, the array it must behave like, and what is done to both. */
class Trial {
  readonly pages: MemoryPages = new MemoryPages();
  readonly cache: BlockCache;
  failures = 0;
  readonly #random: (limit: number) => number;
  readonly #blockSize: number;
  #model: Uint8Array<ArrayBuffer>;

  constructor(options: BlockCacheOptions & { readonly blockSize: number }, from: number, flaky: boolean) {
    this.#random = randomFrom(from);
    this.#blockSize = options.blockSize;
    this.#model = this.#bytes(9 * this.#blockSize + 77);
    this.pages.write(this.#model, 0);
    const below = new RecordingBackend(new MemoryBackend({ pages: this.pages }));
    below.before = async ({ method }) => {
      const pause = this.#random(4);
      if (pause === 3) await new Promise(setImmediate);
      else for (let turn = 0; turn < pause * 3; turn++) await Promise.resolve();
      if (!flaky || method === "extents" || this.#random(6) > 0) return;
      this.failures++;
      throw new BackendError("ERR_IO", `${method} fails this time`, { retryable: true });
    };
    this.cache = new BlockCache(below, options);
  }

  /** Some calls side by side, each on bytes of its own; then a comparison now and then. */
  async round(round: number): Promise<void> {
    const size = this.#model.length;
    const cut = this.#random(6) === 0 ? this.#random(size + 1) : undefined;
    const calls = this.#pieces(cut ?? size).map(({ offset, length }) => this.#call(offset, length));
    if (this.#random(3) === 0) calls.push(this.#retry(() => this.cache.sync()));
    if (cut !== undefined) calls.push(this.#truncate(cut));
    await Promise.all(calls);
    if (this.#random(cut === undefined ? 12 : 2) === 0) await this.#grow();
    if (round % 5 === 4) await this.#compare(0, this.#model.length);
  }

  async finish(): Promise<void> {
    await this.#compare(0, this.#model.length);
    await this.#retry(() => this.cache.sync());
    expect(this.cache.dirtyBytes).toBe(0);
    const found = new Uint8Array(this.pages.size);
    this.pages.read(found, 0);
    expectSame(found, this.#model, "in the backend after a sync");
    await this.#retry(() => this.cache.close());
  }

  #call(offset: number, length: number): Promise<void> {
    switch (this.#random(8)) {
      case 0:
        return this.#zero(offset, length);
      case 1:
        return this.#discard(offset, length);
      case 2:
      case 3:
      case 4:
        return this.#compare(offset, length);
      default: {
        const source = this.#bytes(length);
        this.#model.set(source, offset);
        return this.#retry(() => this.cache.write(source, offset));
      }
    }
  }

  #zero(offset: number, length: number): Promise<void> {
    this.#model.fill(0, offset, offset + length);
    return this.#retry(() => this.cache.writeZeroes(offset, length));
  }

  async #discard(offset: number, length: number): Promise<void> {
    await this.#retry(() => this.cache.discard(offset, length));
    const found = await this.#read(offset, length);
    const before = this.#model.subarray(offset, offset + length);
    const wrong = found.findIndex((byte, at) => byte !== 0 && byte !== before[at]);
    if (wrong >= 0) throw new Error(`byte ${offset + wrong} is ${found[wrong]} after a discard, was ${before[wrong]}`);
    before.set(found);
  }

  async #truncate(size: number): Promise<void> {
    const model = this.#model;
    await this.#retry(() => this.cache.truncate(size));
    this.#model = model.slice(0, size);
    expect(this.cache.size).toBe(size);
  }

  /** By a truncate or by a write that leaves a gap. */
  async #grow(): Promise<void> {
    const gap = this.#random(3 * this.#blockSize);
    const source = this.#bytes(1 + this.#random(2 * this.#blockSize));
    const offset = this.#model.length + gap;
    const grown = new Uint8Array(Math.min(offset + source.length, 16 * this.#blockSize));
    grown.set(this.#model.subarray(0, grown.length));
    if (grown.length < offset + source.length || this.#random(2) === 0) {
      await this.#retry(() => this.cache.truncate(grown.length));
    } else {
      grown.set(source, offset);
      await this.#retry(() => this.cache.write(source, offset));
    }
    this.#model = grown;
  }

  async #compare(offset: number, length: number): Promise<void> {
    const expected = this.#model.slice(offset, offset + length);
    expectSame(await this.#read(offset, length), expected, `read of ${length} bytes at ${offset}`);
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    let found: Uint8Array = new Uint8Array(0);
    await this.#retry(async () => {
      found = await readRange(this.cache, offset, length);
    });
    return found;
  }

  /** Calls until it succeeds. */
  async #retry(call: () => Promise<void>): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        return await call();
      } catch (error) {
        if (!isBackendError(error, "ERR_IO") || tries > 500) throw error;
      }
    }
  }

  /** Disjoint pieces of the bytes up to `end`, cut anywhere. */
  #pieces(end: number): { readonly offset: number; readonly length: number }[] {
    const count = 1 + this.#random(8);
    const cuts = Array.from({ length: 2 * count }, () => this.#random(end + 1)).toSorted((a, b) => a - b);
    return Array.from({ length: count }, (_, at) => {
      const offset = cuts[2 * at] ?? 0;
      return { offset, length: (cuts[2 * at + 1] ?? 0) - offset };
    });
  }

  #bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    let state = this.#random(2 ** 31);
    for (let at = 0; at < length; at++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      bytes[at] = 1 + ((state >>> 16) % 255);
    }
    return bytes;
  }
}

function expectSame(found: Uint8Array, expected: Uint8Array, what: string): void {
  expect(found.length, `${what}: length`).toBe(expected.length);
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  if (at >= 0) throw new Error(`${what}: byte ${at} is ${found[at]}, not ${expected[at]}`);
}

describe.each([
  { flaky: false, title: "a backend that dawdles" },
  { flaky: true, title: "a backend that dawdles and fails" },
])("random calls side by side over $title do what they do to an array", ({ flaky }) => {
  it.each(configurations)("with %o", async (options) => {
    let round = 0;
    try {
      const trial = new Trial(options, seed + configurations.indexOf(options), flaky);
      for (; round < ROUNDS; round++) await trial.round(round);
      await trial.finish();
      expect(trial.failures > 0).toBe(flaky);
    } catch (cause) {
      throw new Error(`INSTAR_SEED=${seed} replays it; round ${round}: ${String(cause)}`, { cause });
    }
  });
});
