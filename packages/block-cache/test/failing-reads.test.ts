import { BackendError } from "@instar/backend";
import { expect, it } from "vitest";
import { readRange } from "./bytes.js";
import { failCalls, setUp } from "./setup.js";

const damaged = new BackendError("ERR_IO", "sector 5 cannot be read");

it("fails only those who want the block that cannot be read, though their reads were combined", async () => {
  const { cache, below, contents } = setUp(16 * 512);
  const at = 5 * 512;
  failCalls(below, damaged, ({ method, offset, length }) => method === "read" && offset <= at && offset + length > at);
  const [before, bad, behind] = await Promise.allSettled([
    readRange(cache, 4 * 512, 512),
    readRange(cache, at + 3, 10),
    readRange(cache, 6 * 512, 1024),
  ]);
  expect(bad).toEqual({ status: "rejected", reason: damaged });
  expect(before).toEqual({ status: "fulfilled", value: contents.subarray(4 * 512, 5 * 512) });
  expect(behind).toEqual({ status: "fulfilled", value: contents.subarray(6 * 512, 8 * 512) });
  expect(below.of("read").length).toBe(5);
});

it("reads again after a failure", async () => {
  const { cache, below, contents } = setUp(16 * 512);
  failCalls(below, damaged, () => true);
  await expect(readRange(cache, 0, 2000)).rejects.toBe(damaged);
  await expect(cache.write(new Uint8Array(3), 3)).rejects.toBe(damaged);
  below.before = () => {};
  expect(await readRange(cache, 0, 2000)).toEqual(contents.subarray(0, 2000));
});
