import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Backend, BaseBackend, type Capabilities, MemoryBackend } from "@instar/backend";

/** Whether qemu-img can be run here. */
export const hasQemu: boolean = spawnSync("qemu-img", ["--version"]).status === 0;

/** For titles of tests that need QEMU. */
export const qemuNote: string = hasQemu ? "" : " (skipped: Debian package qemu-utils is not installed)";

/** Runs qemu-img; throws with what it says when it fails. */
export function qemuImg(...args: string[]): string {
  return execFileSync("qemu-img", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** A directory of its own that is gone when the scope ends. */
export class Scratch implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "instar-image-"));

  file(name: string, bytes?: Uint8Array): string {
    const path = join(this.path, name);
    if (bytes) writeFileSync(path, bytes);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What QEMU reads from an image. */
export function qemuContents(format: string, path: string): Uint8Array {
  qemuImg("convert", "-f", format, "-O", "raw", path, `${path}.raw`);
  return readFileSync(`${path}.raw`);
}

/** Bytes as a backend in memory. */
export async function memoryOf(bytes: Uint8Array, name = "memory:"): Promise<MemoryBackend> {
  const backend = new MemoryBackend({ name });
  await backend.write(bytes, 0);
  return backend;
}

/** All bytes, read in pieces of an odd size so that requests begin and end anywhere. */
export async function contents(disk: Backend, piece = 777_777): Promise<Uint8Array> {
  const bytes = new Uint8Array(disk.size);
  for (let at = 0; at < bytes.length; at += piece) await disk.read(bytes.subarray(at, at + piece), at);
  return bytes;
}

/** Where two arrays differ first, for a message that can be read; -1 where they are equal. */
export function firstDifference(one: Uint8Array, other: Uint8Array): number {
  if (one.length !== other.length) return Math.min(one.length, other.length);
  if (Buffer.compare(one, other) === 0) return -1;
  return one.findIndex((byte, index) => byte !== other[index]);
}

/** The first byte of an extent that is no data and yet not zero in `expected`, or a gap in the cover; -1 where all is well. */
export async function firstLie(disk: Backend, expected: Uint8Array): Promise<number> {
  let at = 0;
  for await (const { offset, length, kind } of disk.extents(0, disk.size)) {
    if (offset !== at) return at;
    at += length;
    if (kind === "data") continue;
    const lie = expected.subarray(offset, at).findIndex((byte) => byte !== 0);
    if (lie >= 0) return offset + lie;
  }
  return at === expected.length ? -1 : at;
}

/** Numbers from 0 to 2^32-1 that follow from a seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** A sparse disk: runs of bytes that hardly compress, at the edges, across round offsets and at odd places. */
export function patternDisk(size: number, run = 1500): Uint8Array {
  const disk = new Uint8Array(size);
  const random = randomFrom(size + 17);
  const places = [0, 65_536 - 700, 2 ** 20 - 700, 2 ** 20 * 1.5 + 3, 2 ** 21 + 4096, 2 ** 22 - 1, size - run];
  for (const place of places) {
    for (let at = Math.max(0, place); at < Math.min(size, place + run); at++) disk[at] = random() >>> 24;
  }
  return disk;
}

/** The bytes of a file; counts what is asked of it. */
export class Metered extends BaseBackend {
  readonly name = "metered";
  readonly capabilities: Capabilities = { ...new MemoryBackend({ readOnly: true }).capabilities, extents: false };
  readonly #file: Uint8Array;
  /** Bytes read so far. */
  bytes = 0;
  /** The longest read. */
  longest = 0;

  constructor(file: Uint8Array) {
    super();
    this.#file = file;
  }

  get size(): number {
    return this.#file.length;
  }

  protected async doRead(target: Uint8Array, offset: number): Promise<void> {
    this.bytes += target.length;
    this.longest = Math.max(this.longest, target.length);
    target.set(this.#file.subarray(offset, offset + target.length));
  }
}

/**
 * Opens a damaged image and reads here and there: at both ends, at places in between, and of its extents what can be
 * had in a while. Gives the error that this ends in.
 */
export async function exercise(open: () => Promise<Backend>): Promise<unknown> {
  try {
    const disk = await open();
    const piece = 65_536;
    const target = new Uint8Array(piece);
    let error: unknown;
    for (let step = 0; step <= 20; step++) {
      const offset = Math.floor((Math.max(0, disk.size - piece) / 20) * step);
      // One bad block must not hide the next.
      await disk
        .read(target.subarray(0, Math.min(piece, disk.size)), offset)
        .catch((reason: unknown) => (error = reason));
    }
    let steps = 0;
    for await (const _ of disk.extents(0, disk.size)) if (++steps >= 300) break;
    return error;
  } catch (error) {
    return error;
  }
}

/** Size of the disk in the fixtures, whose bytes are a {@link patternDisk}. */
export const FIXTURE_SIZE: number = 5 * 1024 * 1024 + 1536;
