import { aes, digest } from "#primitives";

import type { CipherSuite } from "./cipher-suite.js";
import { BLOCK } from "./sizes.js";

/** Makes the initialization vectors of `count` sectors from `first` on: 16 bytes for each. */
export type IvMaker = (first: number, count: number) => Uint8Array;

const HIGH = 0x1_0000_0000;

/** What makes the initialization vectors of a suite. */
export function ivMaker({ iv, ivHash }: CipherSuite, key: Uint8Array): IvMaker {
  if (iv === "plain") return (first, count) => sectorNumbers(first, count, false);
  if (iv === "plain64" || ivHash === undefined) return (first, count) => sectorNumbers(first, count, true);
  const salted = aes(digest(ivHash, key));
  return (first, count) => salted.encrypt(sectorNumbers(first, count, true));
}

/** Sector numbers in little-endian order; `plain` has their lower 32 bits only. */
function sectorNumbers(first: number, count: number, wide: boolean): Uint8Array {
  const ivs = new Uint8Array(count * BLOCK);
  const view = new DataView(ivs.buffer);
  for (let index = 0; index < count; index++) {
    view.setUint32(index * BLOCK, (first + index) % HIGH, true);
    if (wide) view.setUint32(index * BLOCK + 4, Math.floor((first + index) / HIGH), true);
  }
  return ivs;
}
