/** One cached block. What lies behind `used` is zero, in the block and in storage. */
export interface Block {
  /** All of the block, also where the backend ends within it. */
  readonly bytes: Uint8Array;
  /** Up to where the block has bytes of the backend: what a store writes. */
  used: number;
  /** Counts the modifications. */
  version: number;
  /** The version that storage has. */
  stored: number;
}

/** A block as storage has it. */
export function storedBlock(bytes: Uint8Array, used: number): Block {
  return { bytes, used, version: 0, stored: 0 };
}

/** A block that storage does not have. */
export function newBlock(bytes: Uint8Array, used: number): Block {
  return { bytes, used, version: 1, stored: 0 };
}
