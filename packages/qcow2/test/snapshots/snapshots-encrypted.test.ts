import { readFileSync } from "node:fs";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { allBytes, expectClean, firstDifference, pattern } from "../engine/support.js";
import { hasQemu, qemuImg, qemuNote, Scratch } from "../format-support.js";

const SIZE = 1024 * 1024;
const SECRET = ["--object", "secret,id=s,data=secret"];

/** The disk as QEMU decrypts it. */
function qemuDisk(path: string): Uint8Array {
  const image = `driver=qcow2,file.filename=${path},encrypt.key-secret=s`;
  qemuImg("convert", ...SECRET, "--image-opts", image, "-O", "raw", `${path}.raw`);
  return readFileSync(`${path}.raw`);
}

describe.skipIf(!hasQemu)(`an encrypted image${qemuNote}`, () => {
  it("has snapshots and bitmaps, is amended and made empty like any other", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    const options = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";
    qemuImg("create", "-q", ...SECRET, "-f", "qcow2", "-o", options, path, `${SIZE}`);
    const image = await Qcow2Image.open(await FsBackend.open(path, { write: true }), {
      write: true,
      encryption: { passphrase: new TextEncoder().encode("secret") },
    });
    await image.write(pattern(300_000, 1), 1000);
    const before = await allBytes(image);
    await image.snapshots.create({ name: "kept", date: new Date(0) });
    await image.bitmaps.add({ name: "bits" });
    await image.write(pattern(300_000, 2), 5000);
    const disk = await image.snapshots.open({ name: "kept" });
    expect(firstDifference(await allBytes(disk), before)).toBe(-1);
    await disk.close();
    await image.amend({ refcountBits: 32, lazyRefcounts: true });
    await image.write(pattern(100, 3), 900_000);
    expect(firstDifference((await allBytes(image)).subarray(900_000, 900_100), pattern(100, 3))).toBe(-1);
    await image.makeEmpty();
    expect((await allBytes(image)).every((byte) => byte === 0)).toBe(true);
    await image.snapshots.apply({ name: "kept" });
    await expect(image.amend({ version: 2, refcountBits: 16 })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    await expectClean(image);
    await image.close();
    expect(firstDifference(qemuDisk(path), before)).toBe(-1);
  });
});
