import { readFileSync, writeFileSync } from "node:fs";

import { type CallOptions, MemoryBackend, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { isLuksError, LuksDisk } from "../src/index.js";
import { areaOf, bytesOf, hasQemu, newArea, PASSPHRASE, pattern, qemu, qemuNote, QUICK, Scratch } from "./support.js";

const SMALL = { ...QUICK, cipher: "aes-128", mode: "cbc" } as const;

async function newDisk(size: number): Promise<{ disk: LuksDisk; pages: MemoryPages }> {
  const pages = new MemoryPages();
  return { disk: await LuksDisk.create(new MemoryBackend({ pages }), { ...SMALL, size }), pages };
}

async function contentOf(
  { size }: { readonly size: number },
  read: (target: Uint8Array, offset: number) => Promise<void>,
) {
  const bytes = new Uint8Array(size);
  await read(bytes, 0);
  return bytes;
}

/** Where each read waits until it is let go. */
class SlowBackend extends MemoryBackend {
  override async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    return super.read(target, offset, options);
  }
}

describe("a LUKS disk", () => {
  it("keeps both of two writes into one sector that go on side by side", async () => {
    const { disk, pages } = await newDisk(4096);
    await disk.write(new Uint8Array(4096), 0);
    await disk.close();
    const slow = await LuksDisk.open(new SlowBackend({ pages }), { passphrase: PASSPHRASE, write: true });
    await Promise.all([
      slow.write(bytesOf("one"), 100),
      slow.write(bytesOf("two"), 200),
      slow.write(bytesOf("x"), 511),
    ]);
    const bytes = new Uint8Array(512);
    await slow.read(bytes, 0);
    expect([bytes.subarray(100, 103), bytes.subarray(200, 203), bytes.subarray(511)]).toEqual([
      bytesOf("one"),
      bytesOf("two"),
      bytesOf("x"),
    ]);
  });

  it("stores no byte as it is", async () => {
    const { disk, pages } = await newDisk(4096);
    await disk.write(new Uint8Array(4096).fill(0x41), 0);
    const file = new MemoryBackend({ pages });
    const bytes = await contentOf(file, (target, offset) => file.read(target, offset));
    expect(Buffer.from(bytes).includes("AAAA")).toBe(false);
  });

  it("without its passphrase tells its size and header, and no more", async () => {
    const { disk, pages } = await newDisk(4096);
    await disk.close();
    const shut = await LuksDisk.open(new MemoryBackend({ pages }), { write: true });
    expect([shut.size, shut.header.suite.cipher, shut.capabilities.write]).toEqual([4096, "aes-128", false]);
    await expect(shut.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_PERMISSION" });
    await expect(shut.write(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
  });

  it("leaves the file open where it cannot be opened", async () => {
    const file = await newArea(SMALL);
    const error: unknown = await LuksDisk.open(file, { passphrase: bytesOf("wrong") }).catch((reason) => reason);
    expect(isLuksError(error, "ERR_WRONG_PASSPHRASE")).toBe(true);
    await file.read(new Uint8Array(1), 0);
  });

  it("is refused where the file ends before the disk begins", async () => {
    const whole = await newArea(SMALL);
    const bytes = await contentOf(whole, (target, offset) => whole.read(target, offset));
    new DataView(bytes.buffer).setUint32(104, bytes.byteLength / 512 + 1);
    await expect(LuksDisk.open(await areaOf(bytes), { passphrase: PASSPHRASE })).rejects.toMatchObject({
      code: "ERR_INVALID_HEADER",
      message: expect.stringContaining("payload offset is 528896"),
    });
  });

  it("leaves out a last sector that is not whole", async () => {
    const { disk, pages } = await newDisk(4096);
    await disk.close();
    const file = new MemoryBackend({ pages });
    await file.truncate(file.size - 1);
    expect((await LuksDisk.open(file, { passphrase: PASSPHRASE })).size).toBe(3584);
  });

  it.each([-512, 100, 2 ** 53])("is not made with a size of %i", async (size) => {
    const file = await areaOf(pattern(100));
    const error: unknown = await LuksDisk.create(file, { ...SMALL, size }).catch((reason) => reason);
    expect(isLuksError(error, "ERR_INVALID_OPTION")).toBe(true);
    expect(file.size).toBe(100);
  });

  it("does not become a size that has no whole sectors", async () => {
    const { disk } = await newDisk(4096);
    await expect(disk.truncate(1000)).rejects.toMatchObject({ code: "ERR_RANGE" });
    expect(disk.size).toBe(4096);
  });
});

describe.skipIf(!hasQemu)(`a LUKS disk and QEMU${qemuNote}`, () => {
  it.each([{}, { cipher: "serpent-256", hash: "sha512" }, { cipher: "cast5-128", mode: "cbc" }] as const)(
    "read each other: %o",
    async (options) => {
      using scratch = new Scratch();
      const path = scratch.file("disk");
      const pages = new MemoryPages();
      const disk = await LuksDisk.create(new MemoryBackend({ pages }), { ...QUICK, ...options, size: 100_352 });
      await disk.write(pattern(100_352), 0);
      await disk.write(bytesOf("in the middle"), 1020);
      const file = new MemoryBackend({ pages });
      writeFileSync(path, await contentOf(file, (target, offset) => file.read(target, offset)));
      const image = ["--object", "secret,id=key,data=correct horse", "--image-opts"];
      const node = `driver=luks,file.filename=${path},key-secret=key`;
      qemu("qemu-img", "convert", "-O", "raw", ...image, node, scratch.file("raw"));
      const expected = pattern(100_352);
      expected.set(bytesOf("in the middle"), 1020);
      expect(Buffer.compare(readFileSync(scratch.file("raw")), expected)).toBe(0);
      qemu("qemu-io", ...image, node, "-c", "write -P 0x5a 700 5000");
      expected.fill(0x5a, 700, 5700);
      const theirs = await LuksDisk.open(await areaOf(new Uint8Array(readFileSync(path))), { passphrase: PASSPHRASE });
      expect(Buffer.compare(await contentOf(theirs, (target, offset) => theirs.read(target, offset)), expected)).toBe(
        0,
      );
    },
  );
});
