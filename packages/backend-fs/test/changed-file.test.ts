import { truncate } from "node:fs/promises";
import { expect, it } from "vitest";
import { FsBackend } from "../src/index.js";
import { pattern, tempDirectory } from "./temp.js";

const file = await tempDirectory();

it("a read of what somebody else has cut off is ERR_CHANGED, and what is left can be read", async () => {
  const path = await file("disk.img", pattern(10_000));
  const backend = await FsBackend.open(path);
  await truncate(path, 6000);
  const changed = expect.objectContaining({ code: "ERR_CHANGED", message: expect.stringContaining("ends at 6000") });
  await expect(backend.read(new Uint8Array(2000), 5000)).rejects.toEqual(changed);
  await expect(backend.read(new Uint8Array(2000), 7000)).rejects.toEqual(
    expect.objectContaining({ code: "ERR_CHANGED" }),
  );
  const target = new Uint8Array(1000);
  await backend.read(target, 5000);
  expect(target).toEqual(pattern(1000, 5000 * 7));
  await backend.close();
});

it("a read that our own truncate overtakes is ERR_RANGE or has the bytes", async () => {
  const path = await file("disk.img", pattern(200_000));
  const backend = await FsBackend.open(path, { write: true });
  for (let round = 0; round < 50; round++) {
    await backend.write(pattern(200_000), 0);
    const reads = Array.from({ length: 6 }, () => backend.read(new Uint8Array(150_000), 50_000));
    const cut = backend.truncate(60_000);
    reads.push(backend.read(new Uint8Array(150_000), 50_000));
    for (const read of await Promise.allSettled(reads)) {
      if (read.status === "rejected") expect(read.reason).toHaveProperty("code", "ERR_RANGE");
    }
    await cut;
  }
  await backend.close();
});
