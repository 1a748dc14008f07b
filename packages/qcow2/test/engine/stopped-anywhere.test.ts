import { MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { Random, seed } from "../interop/random.js";
import { FaultyFile } from "./faulty-file.js";
import { memoryFile, pattern, TINY } from "./support.js";

/** Checks the file as it is between two requests; returns what is corrupt. */
async function corruptionsOf(pages: MemoryPages): Promise<string[]> {
  const { problems, corruptions } = await (await Qcow2Image.open(memoryFile(pages))).check();
  const found = problems.filter(({ kind }) => kind !== "leak").map(({ message }) => message);
  return corruptions === found.length ? found : [...found, `${corruptions} corruptions`];
}

describe(`a program that is stopped between any two requests of the file (INSTAR_SEED=${seed})`, () => {
  for (const [clusterSize, refcountBits, size] of [
    [512, 16, 60_000_000],
    [512, 64, 20_000_000],
    [4096, 16, 500_000_000],
  ] as const) {
    const title = `leaves no corruption: sparse disk of ${size}, clusters of ${clusterSize}, ${refcountBits} bits`;
    it(title, { timeout: 60_000 }, async () => {
      const random = new Random(seed + clusterSize + refcountBits);
      const pages = new MemoryPages();
      const file = new FaultyFile(memoryFile(pages));
      const image = await Qcow2Image.create(file, { size, clusterSize, refcountBits, caches: TINY });
      const found: string[] = [];
      file.waits = async (kind) => {
        if (kind !== "read" && found.length === 0) found.push(...(await corruptionsOf(pages)));
      };
      for (let step = 0; step < 50 && found.length === 0; step++) {
        const at = () => random.below(size - 20_000);
        const length = 1 + random.below(20_000);
        if (random.once(4)) await image.discard(at(), length);
        else if (random.once(5)) await image.writeZeroes(at(), length);
        else if (random.once(6))
          await image.writeCompressed(pattern(20_480, step), Math.floor(at() / clusterSize) * clusterSize);
        else await Promise.all([image.write(pattern(length, step), at()), image.write(pattern(10, step), at())]);
        if (random.once(8)) await image.sync();
      }
      await image.truncate(size / 2);
      await image.truncate(size);
      await image.close();
      expect(found, `seed ${seed}`).toEqual([]);
      expect(await corruptionsOf(pages)).toEqual([]);
    });
  }
});
