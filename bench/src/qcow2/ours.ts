import type { Backend } from "@instar/backend";
import { randomKeys } from "../cache/peers.js";

/** One pattern of access. */
export interface Load {
  readonly title: string;
  readonly write: boolean;
  readonly bytes: number;
  /** Requests under way at once. */
  readonly depth: number;
  readonly count: number;
  /** From one request to the next, as `qemu-img bench -S`; it wraps around at the end. */
  readonly step: number;
}

/** Seconds that a disk takes for a load. Like `qemu-img bench`, all requests have one buffer, which is there before. */
export async function seconds(disk: Backend, load: Load): Promise<number> {
  const buffer = new Uint8Array(load.bytes).fill(0x55);
  let next = 0;
  let offset = 0;
  const begin = performance.now();
  const lane = async () => {
    while (next < load.count) {
      next++;
      const at = offset;
      offset = (offset + load.step) % (disk.size - load.bytes);
      await (load.write ? disk.write(buffer, at) : disk.read(buffer, at));
    }
  };
  await Promise.all(Array.from({ length: load.depth }, lane));
  return (performance.now() - begin) / 1000;
}

/** Fills a disk, so that every cluster is allocated. */
export async function fill(disk: Backend): Promise<void> {
  const piece = new Uint8Array(1024 * 1024).map((_, index) => index);
  for (let at = 0; at < disk.size; at += piece.length) await disk.write(piece, at);
}

/** Seconds for 4 KiB reads at random places, which `qemu-img bench` does not have. */
export async function randomReads(disk: Backend, depth: number, count: number): Promise<number> {
  const places = randomKeys(count, Math.floor(disk.size / 4096));
  let next = 0;
  const begin = performance.now();
  const lane = async () => {
    const buffer = new Uint8Array(4096);
    for (let index = next++; index < count; index = next++) await disk.read(buffer, (places[index] ?? 0) * 4096);
  };
  await Promise.all(Array.from({ length: depth }, lane));
  return (performance.now() - begin) / 1000;
}
