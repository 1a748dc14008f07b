import { readFileSync, writeFileSync } from "node:fs";

import { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { createImageFile, planImage } from "../src/create-layout.js";
import type { CreateLayoutOptions } from "../src/create-options.js";
import { isQcow2Error } from "../src/errors.js";
import { backingFileName, backingFormat, readHeader } from "../src/header.js";
import { hasQemu, qemuImg, qemuImgJson, qemuNote, saveTo, Scratch } from "./format-support.js";

const GiB = 2 ** 30;
const clusterSizes = Array.from({ length: 13 }, (_, i) => 512 << i);
const refcountWidths = [1, 2, 4, 8, 16, 32, 64];

describe("a new image", () => {
  it("has header, refcount table, refcount block and L1 table in clusters 0, 1, 2 and 3", async () => {
    const file = new MemoryBackend();
    const header = await createImageFile(file, { size: GiB });
    expect([header.refcountTableOffset, header.l1TableOffset, header.l1Size]).toEqual([65536, 3 * 65536, 2]);
    const entry = new Uint8Array(8);
    await file.read(entry, 65536);
    expect([...entry]).toEqual([0, 0, 0, 0, 0, 2, 0, 0]);
    expect(await readHeader(file)).toMatchObject({ ...header, backingFileOffset: 0 });
  });

  it("keeps the names of its backing file", async () => {
    for (const [version, clusterSize] of [
      [2, 512],
      [3, 512],
      [3, 65536],
    ] as const) {
      const file = new MemoryBackend();
      await createImageFile(file, { size: GiB, version, clusterSize, backing: { name: "bäse.raw", format: "raw" } });
      const header = await readHeader(file);
      expect([backingFileName(header), backingFormat(header)]).toEqual(["bäse.raw", "raw"]);
    }
  });

  it("writes its header last, after a sync", async () => {
    const events: string[] = [];
    class Watched extends MemoryBackend {
      override async write(source: Uint8Array, offset: number): Promise<void> {
        events.push(offset === 0 ? "header" : "table");
        await super.write(source, offset);
      }
      override async sync(): Promise<void> {
        events.push("sync");
      }
    }
    await createImageFile(new Watched(), { size: GiB });
    expect(events).toEqual(["table", "table", "sync", "header", "sync"]);
  });

  it("is laid out over what a file held before", async () => {
    const file = new MemoryBackend();
    await file.write(new Uint8Array(1 << 20).fill(0xff), 0);
    const header = await createImageFile(file, { size: GiB });
    const l1 = new Uint8Array(header.l1Size * 8);
    await file.read(l1, header.l1TableOffset);
    expect(l1.every((byte) => byte === 0)).toBe(true);
  });

  it.each<[string, CreateLayoutOptions]>([
    ["version", { size: 0, version: 4 as 3 }],
    ["clusterSize", { size: 0, clusterSize: 256 }],
    ["clusterSize", { size: 0, clusterSize: 65537 }],
    ["clusterSize", { size: 0, clusterSize: 1 << 22 }],
    ["clusterSize", { size: 0, clusterSize: NaN }],
    ["refcountBits", { size: 0, refcountBits: 3 }],
    ["refcountBits", { size: 0, refcountBits: 128 }],
    ["refcountBits", { size: 0, version: 2, refcountBits: 8 }],
    ["extendedL2", { size: 0, version: 2, extendedL2: true }],
    ["extendedL2", { size: 0, clusterSize: 8192, extendedL2: true }],
    ["size", { size: 2 ** 48 + 1, clusterSize: 16_384, extendedL2: true }],
    ["size", { size: -1 }],
    ["size", { size: 0.5 }],
    ["size", { size: 2 ** 53 }],
    ["size", { size: 2 ** 37 + 1, clusterSize: 512 }],
    ["backing.name", { size: 0, backing: { name: "", format: "raw" } }],
    ["backing.name", { size: 0, backing: { name: "x".repeat(1024), format: "raw" } }],
    ["backing.name", { size: 0, backing: { name: "a\0b", format: "raw" } }],
    ["backing.format", { size: 0, backing: { name: "a", format: "" } }],
    ["backing.format", { size: 0, backing: { name: "a", format: "x".repeat(16) } }],
    [
      "length of the header with extensions and names",
      { size: 0, clusterSize: 512, backing: { name: "x".repeat(500), format: "raw" } },
    ],
  ])("refuses a bad %s and changes nothing: %o", async (field, options) => {
    const file = new MemoryBackend();
    await file.write(new Uint8Array([1, 2, 3]), 0);
    const error: unknown = await createImageFile(file, options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(isQcow2Error(error, "ERR_INVALID_OPTION") && error.field).toBe(field);
    expect(file.size).toBe(3);
  });

  it("counts its own refcount blocks and tables, whatever the sizes", () => {
    for (const clusterSize of clusterSizes) {
      for (const refcountBits of refcountWidths) {
        for (const size of [0, 1, GiB, 60 * GiB, 2 ** 37]) {
          const { length, tables, header } = planImage({ size, clusterSize, refcountBits }, "x");
          const refcounts = tables.slice(1).reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
          expect(refcounts).toBe(Math.ceil(((length / clusterSize) * refcountBits) / 8));
          expect(header.l1Size * 8 + header.l1TableOffset).toBeLessThanOrEqual(length);
        }
      }
    }
  });
});

describe.skipIf(!hasQemu)(`a new image as QEMU sees it${qemuNote}`, () => {
  // All 13 x 8 x 4 combinations keep qemu-img busy for a while: INSTAR_FULL=1 runs them, else every seventh is run.
  const full = process.env["INSTAR_FULL"] === "1";
  const kinds: CreateLayoutOptions[] = [];
  for (const clusterSize of clusterSizes) {
    for (const size of [0, 512, GiB, 60 * GiB]) {
      kinds.push({ size, clusterSize, version: 2 });
      for (const refcountBits of refcountWidths) kinds.push({ size, clusterSize, refcountBits });
    }
  }

  for (const clusterSize of clusterSizes.filter((size) => size >= 16_384)) {
    for (const size of [0, 512, GiB, 60 * GiB]) kinds.push({ size, clusterSize, extendedL2: true });
  }

  it("is clean and is what was asked for", { timeout: 600_000 }, async () => {
    using scratch = new Scratch();
    const path = scratch.file("new.qcow2");
    writeFileSync(scratch.file("base.raw"), "");
    for (const [index, options] of kinds.entries()) {
      if (!full && index % 7 !== 0) continue;
      const backing = index % 2 === 0 ? { name: "base.raw", format: "raw" } : undefined;
      const file = new MemoryBackend();
      await createImageFile(file, { ...options, backing });
      await saveTo(path, file);
      const title = JSON.stringify(options);
      const check = qemuImgJson(["check", "--output=json", path]);
      expect([check["corruptions"], check["leaks"], check["check-errors"]], title).toEqual([undefined, undefined, 0]);
      const info = qemuImgJson(["info", "--output=json", path]);
      expect(info, title).toMatchObject({
        "virtual-size": options.size,
        "cluster-size": options.clusterSize,
        "format-specific": {
          data: { compat: options.version === 2 ? "0.10" : "1.1", "refcount-bits": options.refcountBits ?? 16 },
        },
      });
      expect(info["backing-filename"], title).toBe(backing?.name);
      expect(info["backing-filename-format"], title).toBe(backing?.format);
    }
  });

  it("has the header that QEMU gives it, byte for byte", { timeout: 60_000 }, async () => {
    using scratch = new Scratch();
    const path = scratch.file("theirs.qcow2");
    for (const clusterSize of [512, 4096, 65536, 1 << 21]) {
      for (const [version, extendedL2] of [
        [2, false],
        [3, false],
        [3, clusterSize >= 16_384],
      ] as const) {
        for (const backing of [undefined, { name: "base.raw", format: "raw" }]) {
          const compat = version === 2 ? "0.10" : `1.1,extended_l2=${extendedL2 ? "on" : "off"}`;
          const options = `compat=${compat},cluster_size=${clusterSize}`;
          const below = backing ? ["-u", "-b", backing.name, "-F", backing.format] : [];
          qemuImg("create", "-q", "-f", "qcow2", ...below, "-o", options, path, "4194304");
          const { headerBytes } = planImage({ size: 4194304, version, clusterSize, extendedL2, backing }, "ours");
          const theirs = new Uint8Array(headerBytes.byteLength);
          theirs.set(readFileSync(path).subarray(0, theirs.byteLength));
          expect(headerBytes, `${options} ${backing?.name}`).toEqual(theirs);
        }
      }
    }
  });
});
