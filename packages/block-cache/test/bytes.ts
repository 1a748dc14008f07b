import type { Backend } from "@instar/backend";

/** A source of random numbers that a seed determines. */
export function randomFrom(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % limit;
  };
}

/** Bytes none of which is 0. */
export function pattern(length: number, seed: number): Uint8Array {
  const random = randomFrom(seed);
  return Uint8Array.from({ length }, () => 1 + random(255));
}

/** Reads a range into a fresh buffer. */
export async function readRange(backend: Backend, offset: number, length: number): Promise<Uint8Array> {
  const target = new Uint8Array(length).fill(0xa5);
  await backend.read(target, offset);
  return target;
}

/** The seed to use: that of `INSTAR_SEED`, or another one each time. */
export const seed: number = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
