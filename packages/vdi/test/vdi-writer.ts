/** What to make an image of. */
export interface VdiContents {
  readonly contents: Uint8Array;
  readonly blockSize: number;
  /** Stores the blocks in the opposite order. */
  readonly reversed?: boolean;
  /** Marks blocks of zeroes as discarded instead of as never allocated. */
  readonly discarded?: boolean;
}

/** An image in which blocks of zeroes are not stored. */
export function makeVdi({ contents, blockSize, reversed, discarded }: VdiContents): Uint8Array {
  const blocks = Math.ceil(contents.length / blockSize);
  const stored = Array.from({ length: blocks }, (_, block) => block).filter((block) =>
    contents.subarray(block * blockSize, (block + 1) * blockSize).some((byte) => byte !== 0),
  );
  if (reversed) stored.reverse();
  const dataOffset = 512 + Math.ceil((blocks * 4) / 512) * 512;
  const bytes = new Uint8Array(dataOffset + stored.length * blockSize);
  const view = new DataView(bytes.buffer);
  new TextEncoder().encodeInto("<<< made by a test >>>\n", bytes);
  const fields: [position: number, value: number][] = [
    [0x40, 0xbeda107f],
    [0x44, 0x00010001],
    [0x48, 0x190],
    [0x4c, 1],
    [0x154, 512],
    [0x158, dataOffset],
    [0x168, 512],
    [0x170, contents.length],
    [0x178, blockSize],
    [0x180, blocks],
    [0x184, stored.length],
    [0x188, 0x01020304],
  ];
  for (const [position, value] of fields) view.setUint32(position, value, true);
  for (let block = 0; block < blocks; block++) {
    const index = stored.indexOf(block);
    view.setUint32(512 + block * 4, index >= 0 ? index : discarded ? 0xfffffffe : 0xffffffff, true);
  }
  for (const [index, block] of stored.entries()) {
    bytes.set(contents.subarray(block * blockSize, (block + 1) * blockSize), dataOffset + index * blockSize);
  }
  return bytes;
}
