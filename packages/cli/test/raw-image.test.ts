import { describe, expect, it } from "vitest";
import { extentsOf, MemoryBackend } from "@instar/backend";
import { RawImage } from "../src/raw-image.js";
import { all } from "./harness.js";

const SIZE = 1000;

async function odd(): Promise<{ file: MemoryBackend; image: RawImage }> {
  const file = new MemoryBackend();
  await file.write(new Uint8Array(SIZE).fill(7), 0);
  return { file, image: new RawImage(file, false) };
}

describe("a raw image whose file ends within a sector", () => {
  it("is as long as its sectors, and reads as zeroes behind the file", async () => {
    const { image } = await odd();
    expect(image.size).toBe(1024);
    const bytes = new Uint8Array(1024).fill(0xff);
    await image.read(bytes, 0);
    expect(bytes).toEqual(new Uint8Array(1024).fill(7, 0, SIZE));
    const tail = new Uint8Array(10).fill(0xff);
    await image.read(tail, 1010);
    expect(tail).toEqual(new Uint8Array(10));
    await expect(image.read(tail, 1020)).rejects.toMatchObject({ code: "ERR_RANGE" });
  });

  it("tells of the hole there", async () => {
    const { image } = await odd();
    expect((await all(extentsOf(image, 0, 1024))).at(-1)).toEqual({
      offset: SIZE,
      length: 24,
      kind: "hole",
    });
    expect(await all(extentsOf(image, 1010, 10))).toEqual([{ offset: 1010, length: 10, kind: "hole" }]);
  });

  it("takes writes there, but none behind its last sector", async () => {
    const { file, image } = await odd();
    await image.writeZeroes(990, 34);
    await image.discard(1010, 14);
    expect(file.size).toBe(SIZE);
    await image.write(Uint8Array.of(1, 2), 1022);
    expect([file.size, image.size]).toEqual([1024, 1024]);
    await expect(image.write(Uint8Array.of(1), 1024)).rejects.toMatchObject({ code: "ERR_RANGE" });
  });

  it("closes its file", async () => {
    const { file, image } = await odd();
    await image.close();
    await expect(file.read(new Uint8Array(0), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });
});

describe("a raw image whose format was guessed", () => {
  const magic = Uint8Array.of(0x51, 0x46, 0x49, 0xfb);

  it("cannot be made to look like a qcow2 image, in one write or in several", async () => {
    const image = new RawImage(new MemoryBackend({ size: 1024 }), true);
    await expect(image.write(magic, 0)).rejects.toMatchObject({ code: "ERR_PERMISSION" });
    await image.write(magic.subarray(0, 2), 0);
    await expect(image.write(magic.subarray(2), 2)).rejects.toMatchObject({ code: "ERR_PERMISSION" });
    await image.write(magic.subarray(2, 3), 2);
    await image.write(magic, 4);
    const head = new Uint8Array(8);
    await image.read(head, 0);
    expect([...head]).toEqual([0x51, 0x46, 0x49, 0, ...magic]);
  });
});
