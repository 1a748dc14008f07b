import { expect, it } from "vitest";
import { inParallel } from "../src/in-parallel.js";

it("so many tasks run at once, and the results are in the order of the items", async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel(3, [5, 1, 4, 2, 3], async (item, index) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    running--;
    return item * 10 + index;
  });
  expect([most, results]).toEqual([3, [50, 11, 42, 23, 34]]);
});

it("after a failure none begins, and those under way come to their end first", async () => {
  const begun: number[] = [];
  const gate = Promise.withResolvers<void>();
  const work = inParallel(2, [0, 1, 2, 3], async (item) => {
    begun.push(item);
    if (item === 0) throw new Error("failed");
    await gate.promise;
  });
  let over = false;
  const outcome = work.catch((error: unknown) => {
    over = true;
    return error;
  });
  await new Promise(setImmediate);
  expect(over).toBe(false);
  gate.resolve();
  expect(await outcome).toMatchObject({ message: "failed" });
  expect(begun).toEqual([0, 1]);
});
