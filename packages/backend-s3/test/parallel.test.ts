import { expect, it } from "vitest";
import { open, pattern, readAt } from "./disks.js";
import { realBucket } from "./real-store.js";

const bucket = realBucket();

it("64 readers side by side each get their bytes", async () => {
  const contents = pattern(4 * 2 ** 20);
  const disk = await open(await bucket.put(contents));
  const reader = async (_: unknown, index: number): Promise<void> => {
    for (let step = 0; step < 8; step++) {
      const offset = (index * 61_003 + step * 500_009) % (contents.length - 100_000);
      const length = 1 + ((index * 7919 + step * 104_729) % 100_000);
      const found = await readAt(disk, offset, length);
      expect(Buffer.compare(found, contents.subarray(offset, offset + length))).toBe(0);
    }
  };
  await Promise.all(Array.from({ length: 64 }, reader));
});
