import { digest } from "#primitives";

import type { BlockCipherMaker } from "./block-cipher.js";
import { blockBytesOf, type CipherSuite } from "./cipher-suite.js";

/** Makes the initialization vectors of `count` sectors from `first` on: a block of the cipher for each. */
export type IvMaker = (first: number, count: number) => Uint8Array;

const HIGH = 0x1_0000_0000;

/** What makes the initialization vectors of a suite. */
export function ivMaker({ cipher, iv, ivHash }: CipherSuite, make: BlockCipherMaker, key: Uint8Array): IvMaker {
  const block = blockBytesOf(cipher);
  if (iv === "plain") return (first, count) => sectorNumbers(first, count, block, false);
  if (iv === "plain64" || ivHash === undefined) return (first, count) => sectorNumbers(first, count, block, true);
  const salted = make(digest(ivHash, key));
  return (first, count) => salted.encrypt(sectorNumbers(first, count, block, true));
}

/** Sector numbers in little-endian order; `plain` has their lower 32 bits only. */
function sectorNumbers(first: number, count: number, block: number, wide: boolean): Uint8Array {
  const ivs = new Uint8Array(count * block);
  const view = new DataView(ivs.buffer);
  for (let index = 0; index < count; index++) {
    view.setUint32(index * block, (first + index) % HIGH, true);
    if (wide) view.setUint32(index * block + 4, Math.floor((first + index) / HIGH), true);
  }
  return ivs;
}
