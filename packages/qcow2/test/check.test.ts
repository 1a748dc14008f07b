import { BackendError, MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { type CheckOptions, checkImage } from "../src/check/check-image.js";
import { ReferenceCounts } from "../src/check/reference-counts.js";
import type { CheckReport } from "../src/check/report.js";
import { createImageFile } from "../src/create-layout.js";
import { isQcow2Error } from "../src/errors.js";
import { parseHeader, readHeader } from "../src/header.js";
import { COPIED, Damage } from "./check-damage.js";
import { fixtureBytes, fixtureFile, qemuVerdicts } from "./fixtures.js";
import { memoryOf } from "./format-support.js";

async function check(bytes: Uint8Array, options?: CheckOptions): Promise<CheckReport> {
  const file = await memoryOf(bytes);
  return checkImage(file, await readHeader(file), options);
}

describe("check", () => {
  it.each([...qemuVerdicts()])("gives the figures that QEMU gave for the fixture %s", async (name, verdict) => {
    const file = await fixtureFile(name);
    const { problems, fixed, ...figures } = await checkImage(file, await readHeader(file), { problems: Infinity });
    expect(figures).toEqual({
      corruptions: verdict["corruptions"] ?? 0,
      leaks: verdict["leaks"] ?? 0,
      checkErrors: verdict["check-errors"],
      imageEndOffset: verdict["image-end-offset"],
      totalClusters: verdict["total-clusters"] ?? 0,
      allocatedClusters: verdict["allocated-clusters"] ?? 0,
      fragmentedClusters: verdict["fragmented-clusters"] ?? 0,
      compressedClusters: verdict["compressed-clusters"] ?? 0,
    });
    expect(problems.length).toBe(figures.corruptions + figures.leaks);
    expect(fixed).toEqual({ corruptions: 0, leaks: 0 });
  });

  it("finds nothing wrong with a new image of any refcount width", async () => {
    for (const refcountBits of [1, 2, 4, 8, 16, 32, 64]) {
      const file = new MemoryBackend();
      const header = await createImageFile(file, { size: 2 ** 34, clusterSize: 512, refcountBits });
      const report = await checkImage(file, header);
      expect([report.corruptions, report.leaks, report.imageEndOffset]).toEqual([0, 0, file.size]);
    }
  });

  it("calls a refcount that is too high a leak", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.setRefcount(5, 2);
    const report = await check(image.bytes);
    // The COPIED flag of the cluster now contradicts its refcount.
    expect([report.corruptions, report.leaks]).toEqual([1, 1]);
    expect(report.problems.map(({ kind }) => kind)).toEqual(["corruption", "leak"]);
  });

  it("calls a refcount that is too low a corruption", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.setRefcount(3, 0);
    const report = await check(image.bytes);
    expect(report.problems).toEqual([{ kind: "corruption", message: "cluster 3: refcount is 0, references are 1" }]);
  });

  it.each([
    ["lacks", "v3-64k", true],
    ["has", "snapshot", false],
  ])("finds a cluster that %s its COPIED flag against the rule", async (verb, name, flagged) => {
    const image = new Damage(fixtureBytes(name));
    const entry = image.l2Entries.find((position) => image.entryAt(position) >= COPIED === flagged) ?? 0;
    image.change(entry, (value) => value ^ COPIED);
    const report = await check(image.bytes);
    expect([report.corruptions, report.leaks]).toEqual([1, 0]);
    expect(report.problems[0]?.message).toContain(
      `data cluster at ${image.entryAt(entry) & 0xfffffffffe00n} ${verb} its`,
    );
  });

  it("finds COPIED flags at L2 tables too", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.change(image.header.l1TableOffset, (value) => value ^ COPIED);
    const report = await check(image.bytes);
    expect(report.problems.map(({ message }) => message)).toEqual([
      "L2 table at 262144 lacks its COPIED flag, its refcount being 1",
    ]);
  });

  it("finds two guest clusters in one host cluster", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    const [first = 0, second = 0] = image.l2Entries;
    let offset = 0n;
    image.change(first, (value) => (offset = value));
    image.change(second, () => offset);
    const report = await check(image.bytes);
    expect([report.corruptions, report.leaks]).toEqual([1, 1]);
  });

  it("finds guest data in the L1 table", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.change(image.l2Entries[0] ?? 0, () => COPIED | BigInt(image.header.l1TableOffset));
    const report = await check(image.bytes);
    expect(report.problems.map(({ message }) => message)).toContain("cluster 3: refcount is 1, references are 2");
  });

  it("finds a refcount block that is also something else", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.change(image.header.refcountTableOffset, () => BigInt(image.header.l1TableOffset));
    const report = await check(image.bytes);
    expect(report.problems.map(({ message }) => message)).toContain("refcount block 0 at 196608 is used 2 times");
  });

  it("finds a zero flag in a version 2 image", async () => {
    const image = new Damage(fixtureBytes("v2-64k"));
    image.change(image.l2Entries[0] ?? 0, (value) => value | 1n);
    const report = await check(image.bytes);
    expect(report.problems[0]?.message).toMatch(/must have bit 0 clear, being in a version 2 image$/);
  });

  it("counts all problems, and describes as many as it is told to", async () => {
    const image = new Damage(fixtureBytes("v3-512"));
    image.change(image.header.l1TableOffset, () => 0n);
    const report = await check(image.bytes, { problems: 3 });
    expect(report.leaks).toBeGreaterThan(60);
    expect(report.problems.length).toBe(3);
  });

  it("stays within its memory limit or says so", async () => {
    const bytes = fixtureBytes("v3-512");
    await expect(check(bytes, { memoryLimit: 65536 })).resolves.toMatchObject({ corruptions: 0 });
    await expect(check(bytes, { memoryLimit: 65535 })).rejects.toSatisfy((error: unknown) => {
      return isQcow2Error(error, "ERR_INVALID_OPTION") && error.field === "memoryLimit";
    });
  });

  it("ends with the reason of an aborted signal", async () => {
    const reason = new Error("enough");
    await expect(check(fixtureBytes("v3-512"), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it.each([
    ["an L2 table", 262144, 65536, { checkErrors: 1, corruptions: 0 }, /^L2 table at 262144 cannot be read: broken$/],
    ["a refcount block", 131072, 65536, { checkErrors: 10, corruptions: 0 }, /^refcounts of clusters 0 to 9 cannot/],
  ])("goes on when %s cannot be read", async (_, offset, length, figures, message) => {
    class Broken extends MemoryBackend {
      override async read(target: Uint8Array, at: number): Promise<void> {
        if (at < offset + length && at + target.byteLength > offset) throw new BackendError("ERR_IO", "broken");
        await super.read(target, at);
      }
    }
    const file = new Broken();
    const bytes = fixtureBytes("v3-64k");
    await file.write(bytes, 0);
    const report = await checkImage(file, parseHeader(bytes, bytes.byteLength, "x"));
    expect(report).toMatchObject(figures);
    expect(report.problems[0]?.message).toMatch(message);
  });

  it("fails when the file fails otherwise", async () => {
    const file = await fixtureFile("v3-64k");
    const header = await readHeader(file);
    await file.close();
    await expect(checkImage(file, header)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("counts to any number of references", () => {
    const counts = new ReferenceCounts(1000, 2 ** 24);
    for (let n = 0; n < 1000; n++) expect(counts.add(70_000)).toBe(true);
    expect(counts.add(70_000)).toBe(false);
    expect([counts.get(70_000), counts.get(69_999), counts.end]).toEqual([1000, 0, 70_001]);
  });

  it("writes nothing", async () => {
    const bytes = fixtureBytes("snapshot");
    const file = await memoryOf(bytes);
    await checkImage(file, await readHeader(file));
    const after = new Uint8Array(file.size);
    await file.read(after, 0);
    expect(Buffer.compare(after, bytes)).toBe(0);
  });

  it("tells a damaged bitmap directory and a damaged snapshot table", async () => {
    const bitmap = new Damage(fixtureBytes("bitmap"));
    const extension = bitmap.header.extensions.find(({ type }) => type === 0x23852875);
    const offset = Number(new DataView(extension?.data.buffer ?? new ArrayBuffer(24)).getBigUint64(16));
    bitmap.change(offset, () => 0x7000_0000_0000_0000n);
    expect((await check(bitmap.bytes)).problems[0]?.message).toMatch(/^table of bitmap 0 .* is misplaced/);

    const snapshot = new Damage(fixtureBytes("snapshot"));
    snapshot.change(snapshot.header.snapshotsOffset + 32, () => 0xffff_ffffn);
    const report = await check(snapshot.bytes);
    expect(report.checkErrors).toBe(1);
    expect(report.problems[0]?.message).toMatch(/extra_data_size of snapshot table entry 0 is 4294967295/);
  });
});
