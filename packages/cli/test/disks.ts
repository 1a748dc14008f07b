import { writeFileSync } from "node:fs";

/** The seed of everything random in the tests; `INSTAR_SEED` repeats a run. */
export const SEED: number = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** Random numbers below `limit` that a seed repeats (mulberry32). */
export function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** A disk with data, zeroes and runs of both, as a guest would leave it. */
export function makeDisk(size: number, seed: number): Buffer {
  const next = random(seed);
  const disk = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const length = Math.min(size - at, 512 * (1 + next(600)));
    const kind = next(4);
    if (kind === 1) disk.fill(1 + next(255), at, at + length);
    if (kind === 2) for (let byte = at; byte < at + length; byte += 97) disk[byte] = next(256);
    at += length;
  }
  return disk;
}

/** Writes a disk to a file. */
export function writeDisk(path: string, size: number, seed: number): Buffer {
  const disk = makeDisk(size, seed);
  writeFileSync(path, disk);
  return disk;
}
