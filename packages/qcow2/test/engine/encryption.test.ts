import { MemoryBackend, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image, type Qcow2CreateOptions } from "../../src/index.js";
import { fixtureFile, guestContent } from "../fixtures.js";
import { allBytes, bytesAt, expectClean, firstDifference, memoryFile, pattern, plainDisk } from "./support.js";

const K = 1024;
const SIZE = 2000 * K;
const PASSPHRASE = bytesOf("correct horse");
/** Few rounds, and a small header: this key guards nothing. */
const QUICK = { format: "luks", passphrase: PASSPHRASE, cipher: "aes-128", mode: "cbc", iterations: 1000 } as const;
const KEY = { passphrase: PASSPHRASE };

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** An encrypted image, and the pages that hold its file. */
async function encrypted(
  options: Partial<Qcow2CreateOptions> = {},
): Promise<{ image: Qcow2Image; pages: MemoryPages }> {
  const pages = new MemoryPages();
  const image = await Qcow2Image.create(memoryFile(pages), { size: SIZE, encryption: QUICK, ...options });
  return { image, pages };
}

async function contentOf(pages: MemoryPages): Promise<Buffer> {
  return Buffer.from(await allBytes(memoryFile(pages)));
}

/** Opens a file with some bytes changed. */
async function patched(pages: MemoryPages, offset: number, ...bytes: number[]): Promise<Qcow2Image> {
  const copy = new MemoryBackend();
  await copy.write(await contentOf(pages), 0);
  await copy.write(Uint8Array.from(bytes), offset);
  return Qcow2Image.open(copy, { write: true, encryption: KEY });
}

describe("an encrypted image", () => {
  for (const encryption of [
    QUICK,
    { ...QUICK, mode: "xts" },
    { ...QUICK, cipher: "aes-256", iv: "essiv" },
    { ...QUICK, mode: "ctr", iv: "plain" },
  ] as const) {
    for (const clusterSize of [512, 65536]) {
      const title = `${encryption.cipher}, ${encryption.mode}, clusters of ${clusterSize}`;
      it(`holds what is written, and shows none of it in the file: ${title}`, async () => {
        const { image, pages } = await encrypted({ encryption, clusterSize });
        const secret = Buffer.from("attack at dawn ".repeat(40));
        await image.write(secret, 100_001);
        await image.write(secret.subarray(0, 3), SIZE - 3);
        await image.writeZeroes(100_100, 50);
        const expected = new Uint8Array(SIZE);
        expected.set(secret, 100_001);
        expected.fill(0, 100_100, 100_150);
        expected.set(secret.subarray(0, 3), SIZE - 3);
        expect(firstDifference(await allBytes(image), expected)).toBe(-1);
        await expectClean(image);
        await image.close();
        expect((await contentOf(pages)).includes("attack")).toBe(false);
        const again = await Qcow2Image.open(memoryFile(pages), { encryption: KEY });
        expect(firstDifference(await allBytes(again), expected)).toBe(-1);
        expect(again.info().encryption).toBe("luks");
      });
    }
  }

  it("reads as zeroes around what is written to a fresh cluster, though the file does not", async () => {
    const { image } = await encrypted();
    await image.write(pattern(10, 1), 200_000);
    const expected = new Uint8Array(SIZE);
    expected.set(pattern(10, 1), 200_000);
    expect(firstDifference(await allBytes(image), expected)).toBe(-1);
  });

  it("takes writes to parts of one sector side by side", async () => {
    const { image } = await encrypted();
    await image.write(pattern(4096, 0), 0);
    const expected = pattern(4096, 9);
    const pieces = Array.from({ length: 64 }, (_, index) => index * 64);
    await Promise.all(pieces.map((at) => image.write(expected.subarray(at, at + 64), at)));
    expect(firstDifference(await bytesAt(image, 0, 4096), expected)).toBe(-1);
  });

  it("leaves the bytes of the caller as they are", async () => {
    const { image } = await encrypted();
    const bytes = pattern(8192, 1);
    await image.write(bytes, 0);
    expect(firstDifference(bytes, pattern(8192, 1))).toBe(-1);
  });

  it("goes on over an encrypted backing image, with another key", async () => {
    const base = await encrypted({ encryption: { ...QUICK, passphrase: bytesOf("other") } });
    await base.image.write(pattern(300 * K, 1), 0);
    const { image } = await encrypted({
      backing: { name: "base", format: "qcow2" },
      backingBackend: base.image,
      size: 500 * K,
    });
    await image.write(pattern(10, 2), 100);
    const expected = new Uint8Array(500 * K);
    expected.set(pattern(300 * K, 1));
    expected.set(pattern(10, 2), 100);
    expect(firstDifference(await allBytes(image), expected)).toBe(-1);
  });

  it("has snapshots", async () => {
    const { image } = await encrypted();
    await image.write(pattern(100 * K, 1), 0);
    const { id } = await image.snapshots.create({ name: "one", date: new Date(0) });
    await image.write(pattern(100 * K, 2), 0);
    const disk = await image.snapshots.open({ id });
    expect(firstDifference(await bytesAt(disk, 0, 100 * K), pattern(100 * K, 1))).toBe(-1);
    expect(firstDifference(await bytesAt(image, 0, 100 * K), pattern(100 * K, 2))).toBe(-1);
    await disk.close();
    await expectClean(image);
  });

  it("can keep its data in another file", async () => {
    const data = new MemoryPages();
    const { image, pages } = await encrypted({ dataFile: { name: "data", backend: memoryFile(data) } });
    await image.write(pattern(100 * K, 1), 5);
    await image.close();
    const [stored, plain] = [await bytesAt(memoryFile(data), 5, 100 * K), pattern(100 * K, 1)];
    // By chance one byte in 256 is the same.
    expect(stored.filter((byte, at) => byte === plain[at]).length).toBeLessThan(K);
    const again = await Qcow2Image.open(memoryFile(pages), { encryption: KEY, dataFile: memoryFile(data) });
    expect(firstDifference(await bytesAt(again, 5, 100 * K), pattern(100 * K, 1))).toBe(-1);
  });

  it("has no compressed clusters, and no raw data file", async () => {
    const { image } = await encrypted();
    await expect(image.writeCompressed(new Uint8Array(65536), 0)).rejects.toMatchObject({
      code: "ERR_UNSUPPORTED_FEATURE",
      message: "memory: clusters cannot be written compressed: the image has its data encrypted",
    });
    const dataFile = { name: "data", raw: true, backend: memoryFile() };
    await expect(encrypted({ dataFile })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
  });

  it("is not made with a cipher that makes no sense, and the file stays as it was", async () => {
    const file = memoryFile();
    const encryption = { ...QUICK, iv: "essiv", ivHash: "sha1" } as const;
    const creating = Qcow2Image.create(file, { size: SIZE, encryption });
    await expect(creating).rejects.toMatchObject({ code: "ERR_UNSUPPORTED_FEATURE" });
    expect(file.size).toBe(0);
  });
});

describe("opening an encrypted image", () => {
  it("needs a passphrase, asked for only then", async () => {
    const { image, pages } = await encrypted();
    await image.close();
    await expect(Qcow2Image.open(memoryFile(pages))).rejects.toMatchObject({
      code: "ERR_ENCRYPTED",
      message: "memory: encrypted with LUKS (crypt_method 2)",
    });
    let asked = 0;
    const encryption = { passphrase: async () => (asked++, PASSPHRASE) };
    await Qcow2Image.open(memoryFile(pages), { encryption });
    expect(asked).toBe(1);
    const plain = new MemoryPages();
    await Qcow2Image.create(memoryFile(plain), { size: SIZE });
    const opening = Qcow2Image.open(memoryFile(plain), { encryption });
    await expect(opening).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    expect(asked).toBe(1);
  });

  it("with a wrong passphrase says so, without the passphrase", async () => {
    const { image, pages } = await encrypted();
    await image.close();
    const encryption = { passphrase: bytesOf("hunter2") };
    const error: unknown = await Qcow2Image.open(memoryFile(pages), { encryption }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ERR_WRONG_PASSPHRASE" });
    expect(String(error)).toBe("ImageError: memory: the passphrase opens no key slot");
  });

  it("for its metadata only needs none", async () => {
    const { image, pages } = await encrypted();
    await image.write(pattern(10, 1), 0);
    await image.close();
    const again = await Qcow2Image.open(memoryFile(pages), { write: true, metadataOnly: true });
    expect(again.info()).toMatchObject({ encryption: "luks", size: SIZE });
    expect((await again.encryption?.luksHeader())?.suite.cipher).toBe("aes-128");
    await expectClean(again);
    await expect(again.read(new Uint8Array(1), 0)).rejects.toThrow("opened with metadataOnly");
    await expect(again.write(new Uint8Array(1), 0)).rejects.toThrow("opened with metadataOnly");
    const zeroes = await bytesAt(again, 1000 * K, 10);
    expect(zeroes.every((byte) => byte === 0)).toBe(true);
  });

  it("reads the legacy encryption, and does not write it", async () => {
    const file = await fixtureFile("aes");
    const open = (write: boolean): Promise<Qcow2Image> =>
      Qcow2Image.open(file, { write, encryption: { passphrase: bytesOf("secret") } });
    const image = await open(false);
    expect(image.info().encryption).toBe("aes");
    expect(firstDifference(await allBytes(image), guestContent("aes"))).toBe(-1);
    await expect(open(true)).rejects.toMatchObject({ code: "ERR_UNSUPPORTED_FEATURE" });
    await expect(image.encryption?.luksHeader()).rejects.toMatchObject({ code: "ERR_UNSUPPORTED_FEATURE" });
  });
});

describe("an image that QEMU encrypted", () => {
  it("is read and written", async () => {
    const file = await fixtureFile("luks");
    const image = await Qcow2Image.open(file, { write: true, encryption: { passphrase: bytesOf("secret") } });
    const expected = guestContent("luks");
    expect(firstDifference(await allBytes(image), expected)).toBe(-1);
    await image.write(pattern(1000, 1), 110_000);
    expected.set(pattern(1000, 1), 110_000);
    expect(firstDifference(await allBytes(image), expected)).toBe(-1);
    await expectClean(image);
  });
});

describe("the passphrases of an image", () => {
  it("are added and removed, while the data stays", async () => {
    const { image, pages } = await encrypted();
    await image.write(pattern(1000, 1), 0);
    const second = bytesOf("second");
    const options = { passphrase: PASSPHRASE, newPassphrase: second, iterations: 1000 };
    expect(await image.encryption?.addPassphrase(options)).toBe(1);
    expect(await image.encryption?.removePassphrase({ passphrase: PASSPHRASE })).toEqual([0]);
    await expect(image.encryption?.removePassphrase({ slot: 1 })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    await expect(image.encryption?.addPassphrase(options)).rejects.toMatchObject({ code: "ERR_WRONG_PASSPHRASE" });
    await expectClean(image);
    await image.close();
    const again = await Qcow2Image.open(memoryFile(pages), { encryption: { passphrase: second } });
    expect(firstDifference(await bytesAt(again, 0, 1000), pattern(1000, 1))).toBe(-1);
    const opening = Qcow2Image.open(memoryFile(pages), { encryption: KEY });
    await expect(opening).rejects.toMatchObject({ code: "ERR_WRONG_PASSPHRASE" });
    const readOnly = again.encryption?.removePassphrase({ slot: 1 });
    await expect(readOnly).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
  });
});

describe("the LUKS header of an image", () => {
  it("is counted, and never overwritten", async () => {
    const { image, pages } = await encrypted();
    await image.close();
    // Its refcounts, in the only refcount block: clusters 4 and on are free by these.
    const image2 = await patched(pages, 2 * 65536 + 8, 0, 0, 0, 0);
    expect((await image2.check()).corruptions).toBe(2);
    await expect(image2.write(pattern(10, 1), 0)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
  });

  const extension = 112;

  it.each([
    ["has no pointer", extension, [1, 2, 3, 4], "ERR_INVALID_HEADER"],
    ["begins inside a cluster", extension + 15, [1], "ERR_INVALID_HEADER"],
    ["begins in the header", extension + 8, [0, 0, 0, 0, 0, 0, 0, 0], "ERR_INVALID_HEADER"],
    ["begins behind 2^53", extension + 8, [255], "ERR_INVALID_HEADER"],
    ["lies behind the end", extension + 8, [0, 0, 1], "ERR_TRUNCATED"],
    ["lies in the L1 table", extension + 8, [0, 0, 0, 0, 0, 3, 0, 0], "ERR_INVALID_HEADER"],
    ["is empty", extension + 16, [0, 0, 0, 0, 0, 0, 0, 0], "ERR_INVALID_HEADER"],
    ["is immense", extension + 16, [0, 0, 1], "ERR_INVALID_HEADER"],
    ["is none", 4 * 65536, [0], "ERR_INVALID_HEADER"],
    ["is of another version", 4 * 65536 + 7, [2], "ERR_UNSUPPORTED_FEATURE"],
    ["names camellia", 4 * 65536 + 8, [...bytesOf("camellia")], "ERR_UNSUPPORTED_FEATURE"],
    ["asks for 2^32-1 iterations", 4 * 65536 + 212, [255, 255, 255, 255], "ERR_INVALID_HEADER"],
  ])("that %s is refused", async (_, offset, bytes, code) => {
    const { image, pages } = await encrypted();
    await image.close();
    await expect(patched(pages, offset, ...bytes)).rejects.toMatchObject({ code });
  });

  it("is still there when the image is made empty and its refcounts are laid out anew", async () => {
    const { image, pages } = await encrypted({ clusterSize: 4096 });
    await image.write(pattern(1000 * K, 1), 100);
    await image.makeEmpty();
    await image.write(pattern(10, 2), 100);
    await image.amend({ refcountBits: 8 });
    await image.close();
    const again = await Qcow2Image.open(memoryFile(pages), { encryption: KEY });
    const expected = new Uint8Array(SIZE);
    expected.set(pattern(10, 2), 100);
    expect(firstDifference(await allBytes(again), expected)).toBe(-1);
    await expectClean(again);
  });

  it("stays where it is when the header is rewritten", async () => {
    const { image, pages } = await encrypted();
    await image.write(pattern(10, 1), 0);
    await image.amend({ backing: { name: "base", format: "raw" } });
    await image.close();
    const backing = await plainDisk(new Uint8Array(10));
    const again = await Qcow2Image.open(memoryFile(pages), { write: true, encryption: KEY, backing });
    expect(firstDifference(await bytesAt(again, 0, 10), pattern(10, 1))).toBe(-1);
    await again.truncate(SIZE + 65536);
    await again.close();
    await Qcow2Image.open(memoryFile(pages), { encryption: KEY, backing: await plainDisk(new Uint8Array(10)) });
  });
});
