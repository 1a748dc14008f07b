import { BackendError, MemoryPages } from "@instar/backend";
import { Qcow2Image } from "@instar/qcow2";
import { describe, expect, it } from "vitest";

import { baseNamed } from "../src/hostile/bases.ts";
import { SlowFile } from "./slow-file.ts";
import { codeOf, hurt } from "./hurt.ts";

const TINY = { l1Bytes: 1, l2Bytes: 1, refcountTableBytes: 1, refcountBytes: 1 };
const MIB = 2 ** 20;

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

async function bytesAt(image: Qcow2Image, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await image.read(bytes, offset);
  return bytes;
}

async function expectClean(image: Qcow2Image): Promise<void> {
  expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0, checkErrors: 0 });
}

/** Where in the file the guest's data is, by run. */
async function hostRanges(image: Qcow2Image): Promise<{ offset: number; length: number }[]> {
  const ranges: { offset: number; length: number }[] = [];
  for await (const { hostOffset, length } of image.map(0, image.size)) {
    if (hostOffset !== undefined) ranges.push({ offset: hostOffset, length });
  }
  return ranges.sort((a, b) => a.offset - b.offset);
}

/** The big-endian number at an offset of an image of QEMU's. */
function pointer(base: ReturnType<typeof baseNamed>, offset: number): number {
  return Number(new DataView(base.bytes.buffer).getBigUint64(offset) & 0x00ff_ffff_ffff_fe00n);
}

describe("what went wrong elsewhere (cloud-hypervisor)", () => {
  it("the allocator reused a live L2 table", async () => {
    const file = new SlowFile();
    const image = await Qcow2Image.create(file, { size: 64 * MIB, clusterSize: 512, caches: TINY });
    const step = 64 * 512;
    for (let index = 0; index < 200; index++) await image.write(filled(512, 1 + (index % 255)), index * step);
    for (let index = 0; index < 200; index += 2) await image.discard(index * step, step);
    await image.sync();
    for (let index = 200; index < 400; index++) await image.write(filled(512, 1 + (index % 255)), index * step);
    for (let index = 1; index < 400; index += index < 200 ? 2 : 1) {
      expect(await bytesAt(image, index * step, 512)).toEqual(filled(512, 1 + (index % 255)));
    }
    await expectClean(image);
  });

  it("a delayed hole punch erased a cluster that had been reused meanwhile", async () => {
    const file = new SlowFile();
    const image = await Qcow2Image.create(file, { size: MIB, clusterSize: 4096 });
    await image.write(filled(256 * 1024, 1), 0);
    await image.sync();
    const { promise: later, resolve: punch } = Promise.withResolvers<void>();
    file.before = (kind) => (kind === "discard" || kind === "writeZeroes" ? later : undefined);
    const running = [
      image.discard(0, 256 * 1024).then(() => image.sync()),
      image.write(filled(128 * 1024, 2), 512 * 1024),
    ];
    for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
    running.push(image.write(filled(128 * 1024, 3), 768 * 1024));
    for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
    punch();
    await Promise.all(running);
    await image.sync();
    expect(await bytesAt(image, 512 * 1024, 128 * 1024)).toEqual(filled(128 * 1024, 2));
    expect(await bytesAt(image, 768 * 1024, 128 * 1024)).toEqual(filled(128 * 1024, 3));
    await expectClean(image);
  });

  it("a cluster was allocated twice after a write that failed", async () => {
    const file = new SlowFile();
    const image = await Qcow2Image.create(file, { size: MIB, clusterSize: 4096, caches: TINY });
    let failures = 3;
    file.before = (kind, offset) => {
      if (kind === "write" && offset > 4 * 4096 && failures-- > 0) throw new BackendError("ERR_NO_SPACE", "full");
    };
    for (let index = 0; index < 40; index++) {
      await image
        .write(filled(5000, index + 1), index * 10_000)
        .catch(() => image.write(filled(5000, index + 1), index * 10_000).catch(() => {}));
    }
    file.before = () => {};
    for (let index = 0; index < 40; index++) await image.write(filled(5000, index + 1), index * 10_000);
    const ranges = await hostRanges(image);
    for (const [index, range] of ranges.entries()) {
      const next = ranges[index + 1];
      if (next) expect(range.offset + range.length).toBeLessThanOrEqual(next.offset);
    }
    for (let index = 0; index < 40; index++)
      expect(await bytesAt(image, index * 10_000, 5000)).toEqual(filled(5000, index + 1));
    await expectClean(image);
  });

  it("clusters of refcount blocks were never used again, so that the file doubled", async () => {
    const pages = new MemoryPages();
    const image = await Qcow2Image.create(new SlowFile(pages), { size: 8 * MIB, clusterSize: 512, refcountBits: 64 });
    const round = async (value: number): Promise<void> => {
      await image.write(filled(2 * MIB, value), 0);
      await image.sync();
      await image.discard(0, 8 * MIB);
      await image.sync();
    };
    await round(1);
    await round(2);
    const before = pages.size;
    for (let value = 3; value < 10; value++) await round(value);
    expect(pages.size).toBeLessThan(before * 1.2);
    await expectClean(image);
  });

  it("the first 64 KiB were overwritten, where refcounts say that the header is free", async () => {
    const base = baseNamed("qcow2", "v3-64k.qcow2");
    const block = pointer(base, pointer(base, 48));
    const file = hurt(base, [block, 2, 0n]);
    const image = await Qcow2Image.open(file, { write: true });
    const before = file.bytes().slice(0, 65_536);
    await image.write(filled(65_536, 9), 900 * 1024).catch(() => {});
    await image.sync().catch(() => {});
    const magic = file.bytes().subarray(0, 72);
    expect(Buffer.compare(magic.subarray(0, 32), before.subarray(0, 32))).toBe(0);
    expect((await Qcow2Image.open(file)).size).toBe(MIB);
  });

  it("unknown feature bits were accepted", async () => {
    const base = baseNamed("qcow2", "v3-512.qcow2");
    for (let bit = 5n; bit < 64n; bit++) {
      expect(await codeOf(Qcow2Image.open(hurt(base, [72, 8, 1n << bit])))).toBe("ERR_UNKNOWN_FEATURE");
    }
  });

  it("COPIED flags were missing, and every write copied its cluster again", async () => {
    const file = new SlowFile();
    const image = await Qcow2Image.create(file, { size: MIB, clusterSize: 4096 });
    await image.write(filled(MIB, 1), 0);
    await image.close();
    const again = await Qcow2Image.open(new SlowFile(file.pages), { write: true });
    const { size } = file.pages;
    for (let index = 0; index < 50; index++) await again.write(filled(100, 2), index * 20_000);
    await again.sync();
    expect(file.pages.size).toBe(size);
    await expectClean(again);
  });
});

describe("what went wrong elsewhere (imago, xen-orchestra, UTM, ZeroFS)", () => {
  it("a mapping was installed before the data was there", async () => {
    const file = new SlowFile();
    const image = await Qcow2Image.create(file, { size: MIB, clusterSize: 4096 });
    const { promise: later, resolve: write } = Promise.withResolvers<void>();
    file.before = (kind) => (kind === "write" ? later : undefined);
    const writing = image.write(filled(4096, 7), 8192);
    for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
    expect(await bytesAt(image, 8192, 4096)).toEqual(filled(4096, 0));
    write();
    await writing;
    expect(await bytesAt(image, 8192, 4096)).toEqual(filled(4096, 7));
  });

  it("writes past the end of the disk were dropped in silence", async () => {
    const image = await Qcow2Image.create(new SlowFile(), { size: 1000 });
    await expect(image.write(filled(2, 1), 999)).rejects.toMatchObject({ code: "ERR_RANGE" });
    await expect(image.writeZeroes(1000, 1)).rejects.toMatchObject({ code: "ERR_RANGE" });
  });

  it("every L2 table was loaded when an image was opened", async () => {
    const file = new SlowFile();
    const image = await Qcow2Image.create(file, { size: 512 * MIB, clusterSize: 512 });
    for (let at = 0; at < 512 * MIB; at += MIB / 2) await image.write(filled(1, 1), at);
    await image.close();
    const reopened = new SlowFile(file.pages);
    await Qcow2Image.open(reopened, { write: true });
    expect(reopened.bytesRead).toBeLessThan(100_000);
  });

  it("an unknown compression came to light at the first compressed cluster", async () => {
    const base = baseNamed("qcow2", "zstd.qcow2");
    expect(await codeOf(Qcow2Image.open(hurt(base, [104, 1, 7n])))).toMatch(
      /^ERR_(INVALID_HEADER|UNSUPPORTED_FEATURE)$/,
    );
  });

  it("giving space back broke a disk", async () => {
    const file = new SlowFile();
    const image = await Qcow2Image.create(file, { size: MIB, clusterSize: 4096, caches: TINY });
    await image.write(filled(MIB, 1), 0);
    for (let at = 0; at < MIB; at += 16_384) await image.discard(at, 4096);
    await image.sync();
    for (let at = 4096; at < MIB; at += 16_384) {
      expect(await bytesAt(image, at, 12_288 > MIB - at ? MIB - at : 12_288)).toEqual(
        filled(Math.min(12_288, MIB - at), 1),
      );
    }
    await expectClean(image);
  });

  it("a discard of a whole huge disk took for ever", async () => {
    const file = new SlowFile();
    const size = 8 * 2 ** 40;
    const image = await Qcow2Image.create(file, { size, clusterSize: 65_536 });
    for (let at = 0; at < size; at += size / 16) await image.write(filled(512, 1), at);
    await image.sync();
    file.requests.length = 0;
    await image.discard(0, size);
    await image.sync();
    expect(file.requests.length).toBeLessThan(1000);
    await expectClean(image);
  });
});

describe("what QEMU 7.2 gets wrong", () => {
  const image = baseNamed("qcow2", "v3-64k.qcow2");
  const l1 = pointer(image, 40);

  it("encryption of method 2 without its header extension crashes info", async () => {
    expect(await codeOf(Qcow2Image.open(hurt(image, [32, 4, 2n])))).toMatch(/^ERR_/);
  });

  it("a write over the L1 entry 0x8000000000000000 aborts", async () => {
    const opened = await Qcow2Image.open(hurt(image, [l1, 8, 1n << 63n]), { write: true });
    expect((await opened.check()).corruptions).toBeGreaterThan(0);
    // It shows no table, so a new one takes its place.
    await opened.write(filled(512, 1), 0);
    expect(await bytesAt(opened, 0, 512)).toEqual(filled(512, 1));
    expect((await opened.check()).corruptions).toBe(0);
  });

  it("a check takes half a gigabyte for one wild pointer", async () => {
    const l2 = pointer(image, l1);
    const opened = await Qcow2Image.open(hurt(image, [l2, 8, (1n << 63n) | (1n << 55n)]));
    const before = process.resourceUsage().maxRSS;
    expect((await opened.check()).corruptions).toBeGreaterThan(0);
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(64 * 1024);
  });

  it("what lies past the end of a truncated image reads as zeroes", async () => {
    const file = hurt(image);
    const whole = await Qcow2Image.open(hurt(image));
    const last = (await hostRanges(whole)).at(-1);
    file.resize((last?.offset ?? 0) + 65_536);
    const cut = await Qcow2Image.open(file);
    const reads = Array.from({ length: 16 }, (_, index) => bytesAt(cut, index * 65_536, 65_536));
    const failed = (await Promise.allSettled(reads)).filter(({ status }) => status === "rejected");
    if ((last?.length ?? 0) > 65_536) expect(failed.length).toBeGreaterThan(0);
  });

  it("compressed, overwritten and compressed again in one process, a cluster gets into another one's place", async () => {
    const file = new SlowFile();
    const disk = await Qcow2Image.create(file, { size: MIB, clusterSize: 4096 });
    await disk.writeCompressed(filled(4096, 1), 0);
    await disk.discard(0, 4096);
    await disk.write(filled(4096, 2), 8192);
    await disk.writeCompressed(filled(4096, 3), 16_384);
    await disk.sync();
    await disk.write(filled(4096, 4), 32_768);
    await disk.writeCompressed(filled(4096, 5), 65_536);
    for (const [at, value] of [
      [8192, 2],
      [16_384, 3],
      [32_768, 4],
      [65_536, 5],
    ] as const) {
      expect(await bytesAt(disk, at, 4096)).toEqual(filled(4096, value));
    }
    await expectClean(disk);
  });
});
