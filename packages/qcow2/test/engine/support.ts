import { type Backend, MemoryBackend, MemoryPages } from "@instar/backend";
import { expect } from "vitest";

import { type CacheLimits, type NewEncryption, Qcow2Image, type Qcow2CreateOptions } from "../../src/index.js";

/** Caches of one or two slices each: everything is evicted all the time. */
export const TINY: CacheLimits = { l1Bytes: 1, l2Bytes: 1, refcountTableBytes: 1, refcountBytes: 1 };

/** A file in memory that outlives the backends which show it. */
export function memoryFile(pages: MemoryPages = new MemoryPages()): MemoryBackend {
  return new MemoryBackend({ pages });
}

/** An image in memory, and the pages that hold its file. */
export async function newImage(options: Qcow2CreateOptions): Promise<{ image: Qcow2Image; pages: MemoryPages }> {
  const pages = new MemoryPages();
  return { image: await Qcow2Image.create(memoryFile(pages), options), pages };
}

/** How to encrypt an image, with few rounds and a small header: the key guards nothing. It opens the image, too. */
export function encryptionOf(passphrase: string): NewEncryption {
  const bytes = new TextEncoder().encode(passphrase);
  return { format: "luks", passphrase: bytes, cipher: "aes-128", mode: "xts", hash: "sha256", iterations: 1000 };
}

/** A plain disk with these bytes, to stand below an image. */
export async function plainDisk(bytes: Uint8Array): Promise<MemoryBackend> {
  const disk = new MemoryBackend();
  await disk.write(bytes, 0);
  return disk;
}

/** The bytes of a range. */
export async function bytesAt(disk: Backend, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await disk.read(bytes, offset);
  return bytes;
}

/** All bytes. */
export function allBytes(disk: Backend): Promise<Uint8Array> {
  return bytesAt(disk, 0, disk.size);
}

/** Bytes that differ from place to place and from tag to tag, never zero. */
export function pattern(length: number, tag: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => 1 + ((index + (index >>> 8) * 3 + tag * 37) % 255));
}

/** Bytes that do not become smaller when they are packed. */
export function noise(length: number, tag = 1): Uint8Array {
  let state = tag;
  return Uint8Array.from({ length }, () => (state = Math.imul(state, 1_103_515_245) + 12_345) >>> 16);
}

/** Expects a check to find nothing, leaks included. */
export async function expectClean(image: Qcow2Image, where = ""): Promise<void> {
  const { corruptions, leaks, checkErrors, problems } = await image.check();
  expect({ corruptions, leaks, checkErrors, problems }, where).toEqual({
    corruptions: 0,
    leaks: 0,
    checkErrors: 0,
    problems: [],
  });
}

/** Where two arrays differ first; -1 where they are equal. */
export function firstDifference(one: Uint8Array, other: Uint8Array): number {
  if (one.length !== other.length) return Math.min(one.length, other.length);
  if (Buffer.compare(one, other) === 0) return -1;
  return one.findIndex((byte, index) => byte !== other[index]);
}
