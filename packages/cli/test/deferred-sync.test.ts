import { describe, expect, it } from "vitest";
import { MemoryBackend } from "@instar/backend";
import { DeferredSync } from "../src/deferred-sync.js";
import { all } from "./harness.js";

class Counting extends MemoryBackend {
  syncs = 0;

  protected override async doSync(): Promise<void> {
    this.syncs++;
  }
}

describe("a backend whose sync is deferred", () => {
  it.each([
    [true, 1],
    [false, 0],
  ])("syncs when it is closed (%s), and not before", async (atClose, syncs) => {
    const file = new Counting();
    const deferred = new DeferredSync(file, atClose);
    await deferred.write(Uint8Array.of(1, 2, 3), 0);
    await deferred.sync();
    expect(file.syncs).toBe(0);
    await deferred.close();
    expect(file.syncs).toBe(syncs);
    await expect(file.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("passes everything else on", async () => {
    const file = new Counting();
    const deferred = new DeferredSync(file, true);
    await deferred.write(new Uint8Array(8192).fill(1), 0);
    await deferred.writeZeroes(0, 10);
    await deferred.discard(4096, 4096);
    await deferred.truncate(16_384);
    expect(deferred.size).toBe(16_384);
    const bytes = new Uint8Array(12);
    await deferred.read(bytes, 0);
    expect([...bytes]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    expect(await all(deferred.extents(0, 16_384))).toEqual(await all(file.extents(0, 16_384)));
  });
});
