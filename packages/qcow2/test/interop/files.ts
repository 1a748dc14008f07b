import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import type { Backend } from "@instar/backend";
import { FsBackend } from "@instar/backend-fs";
import { Qcow2Image, type ReferenceGate } from "../../src/index.js";
import { qemuImg } from "../format-support.js";

/** Opens what an image names, beside it. */
export const beside: ReferenceGate = async (reference) => {
  const path = resolve(dirname(reference.image), reference.name);
  return reference.format === "raw" ? FsBackend.open(path, { write: reference.write }) : openImage(path);
};

/** Opens an image file. */
export async function openImage(path: string, write = false, slices?: number): Promise<Qcow2Image> {
  const bytes = slices === undefined ? undefined : slices * 4096;
  const caches =
    bytes === undefined ? {} : { l1Bytes: bytes, l2Bytes: bytes, refcountTableBytes: bytes, refcountBytes: bytes };
  return Qcow2Image.open(await FsBackend.open(path, { write }), { write, openReferenced: beside, caches });
}

/** All bytes, read in pieces of an odd size so that requests begin and end anywhere. */
export async function contents(disk: Backend, piece = 777_777): Promise<Uint8Array> {
  const bytes = new Uint8Array(disk.size);
  for (let at = 0; at < bytes.length; at += piece) await disk.read(bytes.subarray(at, at + piece), at);
  return bytes;
}

/** What QEMU reads from an image. */
export async function qemuContents(path: string): Promise<Uint8Array> {
  qemuImg("convert", "-f", "qcow2", "-O", "raw", path, `${path}.raw`);
  return readFile(`${path}.raw`);
}

/** Where two arrays differ first, for a message that can be read; -1 where they are equal. */
export function firstDifference(one: Uint8Array, other: Uint8Array): number {
  if (one.length !== other.length) return Math.min(one.length, other.length);
  if (Buffer.compare(one, other) === 0) return -1;
  return one.findIndex((byte, index) => byte !== other[index]);
}
