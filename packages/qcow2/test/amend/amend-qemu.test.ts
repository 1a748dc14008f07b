import { readFileSync } from "node:fs";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { type AmendOptions, Qcow2Image } from "../../src/index.js";
import { allBytes, expectClean, firstDifference, newImage, pattern } from "../engine/support.js";
import { hasQemu, qemuImg, qemuImgJson, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { beside, openImage } from "../interop/files.js";

const SIZE = 1024 * 1024;

/** What `qemu-img info` tells of the format. */
function specifics(path: string): Record<string, unknown> {
  const info = qemuImgJson(["info", "--output=json", path]);
  const { data }: { data: Record<string, unknown> } = JSON.parse(JSON.stringify(info["format-specific"]));
  return { ...data, size: info["virtual-size"], backing: info["backing-filename"] };
}

function expectSound(path: string): void {
  const { corruptions, leaks } = qemuImgJson(["check", "--output=json", path]);
  expect({ corruptions, leaks }).toEqual({});
}

function qemuDisk(path: string, snapshot?: string): Uint8Array {
  const which = snapshot === undefined ? [] : ["-l", `snapshot.name=${snapshot}`];
  qemuImg("convert", "-f", "qcow2", ...which, "-O", "raw", path, `${path}.raw`);
  return readFileSync(`${path}.raw`);
}

/** An image of QEMU's over a backing file, with zero clusters of all kinds, and a snapshot. */
function make(scratch: Scratch, options: string, backed: boolean): string {
  const path = scratch.file("image");
  const backing = backed ? ["-b", "base", "-F", "raw"] : [];
  if (backed) {
    qemuImg("create", "-q", "-f", "raw", scratch.file("base"), `${SIZE}`);
  }
  qemuImg("create", "-q", "-f", "qcow2", "-o", options, ...backing, path, `${SIZE}`);
  qemuIo(path, "write -P 1 0 300k", "write -P 2 500k 100k", "write -z 100k 60k", "write -z -u 560k 20k");
  qemuIo(path, "write -c -P 3 704k 64k");
  qemuImg("snapshot", "-c", "kept", path);
  qemuIo(path, "write -P 4 200k 50k", "write -z 230k 40k", "write -z 900k 64k");
  return path;
}

const QEMU_OPTIONS = (options: AmendOptions): string =>
  [
    options.version && `compat=${options.version === 2 ? "0.10" : "1.1"}`,
    options.refcountBits && `refcount_bits=${options.refcountBits}`,
    options.lazyRefcounts !== undefined && `lazy_refcounts=${options.lazyRefcounts ? "on" : "off"}`,
    options.size && `size=${options.size}`,
  ]
    .filter(Boolean)
    .join(",");

const CHANGES: AmendOptions[] = [
  { version: 2 },
  { version: 3 },
  { lazyRefcounts: true },
  { refcountBits: 64 },
  { refcountBits: 32, lazyRefcounts: false },
  { refcountBits: 16 },
  { version: 2 },
  { version: 3, lazyRefcounts: true, refcountBits: 8 },
  { refcountBits: 16, version: 2, lazyRefcounts: false },
];

describe.skipIf(!hasQemu)(`amend says and does what qemu-img amend does${qemuNote}`, () => {
  for (const options of ["cluster_size=512", "cluster_size=8k"]) {
    for (const backed of [false, true]) {
      it(`${options}, ${backed ? "over a backing file" : "alone"}`, { timeout: 60_000 }, async () => {
        using scratch = new Scratch();
        using twins = new Scratch();
        const path = make(scratch, options, backed);
        const twin = make(twins, options, backed);
        const [disk, kept] = [qemuDisk(path), qemuDisk(path, "kept")];
        const image = await openImage(path, true);
        for (const change of CHANGES) {
          await image.amend(change);
          qemuImg("amend", "-o", QEMU_OPTIONS(change), twin);
          expect(firstDifference(await allBytes(image), disk)).toBe(-1);
          const snapshot = await image.snapshots.open({ name: "kept" });
          expect(firstDifference(await allBytes(snapshot), kept)).toBe(-1);
          await snapshot.close();
          await expectClean(image, JSON.stringify(change));
          await image.write(pattern(3000, 5), 50_000);
          await image.writeZeroes(900_000, 5000);
          disk.set(pattern(3000, 5), 50_000);
          disk.fill(0, 900_000, 905_000);
          await image.sync();
        }
        await image.close();
        expectSound(path);
        expect(specifics(path)).toEqual(specifics(twin));
        expect(firstDifference(qemuDisk(path), disk)).toBe(-1);
        expect(firstDifference(qemuDisk(path, "kept"), kept)).toBe(-1);
        for (const change of CHANGES) qemuImg("amend", "-o", QEMU_OPTIONS(change), path);
        expectSound(path);
        expect(firstDifference(qemuDisk(path), disk)).toBe(-1);
      });
    }
  }

  it("changes the size", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    qemuImg("create", "-q", "-f", "qcow2", path, `${SIZE}`);
    const image = await openImage(path, true);
    await image.amend({ size: 2 * SIZE });
    expect(image.size).toBe(2 * SIZE);
    await image.amend({ size: SIZE / 2, version: 2 });
    await image.close();
    expectSound(path);
    expect(specifics(path)).toMatchObject({ compat: "0.10", size: SIZE / 2 });
  });

  it("keeps bitmaps while the width of refcounts changes", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    qemuImg("create", "-q", "-f", "qcow2", path, `${SIZE}`);
    const image = await openImage(path, true);
    await image.bitmaps.add({ name: "b" });
    await image.write(pattern(10, 1), 100_000);
    await image.amend({ refcountBits: 1 });
    await image.write(pattern(10, 1), 700_000);
    await image.close();
    expectSound(path);
    const again = await openImage(path, true);
    const dirty: number[] = [];
    for await (const range of again.bitmaps.dirty("b")) if (range.dirty) dirty.push(range.offset);
    expect(dirty).toEqual([65_536, 655_360]);
    await expect(again.amend({ version: 2, refcountBits: 16 })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    expect(again.info()).toMatchObject({ version: 3, refcountBits: 1 });
    await again.close();
  });
});

describe("a snapshot that is open", () => {
  it("keeps the image from becoming one of version 2, which would move its tables", async () => {
    const { image } = await newImage({ size: SIZE });
    await image.writeZeroes(0, SIZE);
    await image.snapshots.create({ name: "open", date: new Date(0) });
    const disk = await image.snapshots.open({ name: "open" });
    await expect(image.amend({ version: 2 })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    await image.amend({ refcountBits: 8 });
    expect((await allBytes(disk)).every((byte) => byte === 0)).toBe(true);
    await disk.close();
    await image.amend({ version: 2, refcountBits: 16 });
    await expectClean(image);
  });
});

describe.skipIf(!hasQemu)(`what cannot be amended is refused, and nothing has changed${qemuNote}`, () => {
  it.each([
    ["compat=0.10", { lazyRefcounts: true }],
    ["compat=0.10", { refcountBits: 8 }],
    ["compat=1.1", { version: 2, lazyRefcounts: true }],
    ["refcount_bits=8", { version: 2 }],
    ["compat=1.1", { version: 2, refcountBits: 8 }],
    ["compat=1.1", { refcountBits: 1 }],
    ["compat=1.1", { refcountBits: 12 }],
    ["compat=1.1", { version: 4 }],
    ["extended_l2=on,cluster_size=64k", { version: 2 }],
    ["compression_type=zstd", { version: 2 }],
    ["compat=1.1", { version: 2, size: 2 * SIZE }],
    ["compat=1.1", { size: -1, backing: { name: "new" } }],
    ["compat=0.10", { size: 2 * SIZE, backing: { name: "new" } }],
  ] as [string, AmendOptions][])("%s to %j", async (options, change) => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    qemuImg("create", "-q", "-f", "qcow2", "-o", options, path, `${SIZE}`);
    qemuIo(path, "write -P 1 0 200k");
    qemuImg("snapshot", "-c", "kept", path);
    const file = await FsBackend.open(path, { write: true });
    const image = await Qcow2Image.open(file, { write: true, openReferenced: beside });
    const before = image.info();
    await expect(image.amend(change)).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    expect(image.info()).toEqual(before);
    await expectClean(image);
    await image.close();
    expectSound(path);
  });
});
