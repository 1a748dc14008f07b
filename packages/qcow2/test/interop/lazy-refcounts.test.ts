import { spawnSync } from "node:child_process";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuNote, Scratch } from "../format-support.js";
import { bytesAt, expectClean, newImage, pattern } from "../engine/support.js";
import { openImage } from "./files.js";

describe("an image with lazy refcounts", () => {
  it("is never dirty here: its refcounts are in order at every instant", async () => {
    const { image } = await newImage({ size: 1_000_000, lazyRefcounts: true });
    expect(image.info()).toMatchObject({ lazyRefcounts: true, dirty: false });
    await image.write(pattern(300_000, 1), 100_000);
    await image.sync();
    const bits = new DataView((await bytesAt(image.file, 72, 16)).buffer);
    expect([bits.getBigUint64(0), bits.getBigUint64(8)]).toEqual([0n, 1n]);
    await expectClean(image);
  });

  it("needs version 3", async () => {
    const refused = newImage({ size: 1000, lazyRefcounts: true, version: 2 });
    await expect(refused).rejects.toMatchObject({ code: "ERR_INVALID_OPTION", field: "lazyRefcounts" });
  });
});

describe.skipIf(!hasQemu)(`an image that QEMU has written to and not closed${qemuNote}`, () => {
  it("is repaired when it is opened for writing, and goes on", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image.qcow2");
    const file = await FsBackend.open(path, { write: true, create: "new" });
    await (await Qcow2Image.create(file, { size: 4_000_000, lazyRefcounts: true })).close();
    const commands = ["write -P 7 0 1M", "flush", "sigraise 9"].flatMap((command) => ["-c", command]);
    spawnSync("qemu-io", ["-f", "qcow2", ...commands, path]);

    const readOnly = await openImage(path);
    expect(readOnly.info().dirty).toBe(true);
    expect((await readOnly.check()).corruptions, "refcounts are out of date").toBeGreaterThan(0);
    expect((await bytesAt(readOnly, 0, 1_048_576)).every((byte) => byte === 7)).toBe(true);
    await readOnly.close();

    const image = await openImage(path, true);
    expect(image.info().dirty).toBe(false);
    await image.write(pattern(500_000, 2), 2_000_000);
    expect((await bytesAt(image, 0, 1_048_576)).every((byte) => byte === 7)).toBe(true);
    await expectClean(image);
    await image.close();
    qemuImg("check", "-q", path);
  });
});
