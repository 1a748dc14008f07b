import type { Random } from "./random.js";

/** A run of bytes. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Ranges within `size` that begin, end and cross where faults like to sit: at and beside the block boundaries. */
export function edgeRanges(block: number, size: number): Range[] {
  const half = Math.floor(block / 2);
  const candidates = [
    [0, 1],
    [0, block],
    [1, block],
    [block - 1, 1],
    [block - 1, 2],
    [block, block],
    [block - 1, block + 2],
    [half, 2 * block],
    [2 * block - 3, 3],
    [2 * block + 1, block - 2],
    [2 * block, 2 * block],
    [size - 1, 1],
    [size - block - 1, block + 1],
    [half + 1, size - half - 2],
    [0, size],
  ] as const;
  return candidates
    .map(([offset, length]) => ({ offset, length }))
    .filter(({ offset, length }) => offset >= 0 && length > 0 && offset + length <= size);
}

/** Offsets and lengths that are no range at all, or one that no backend reaches. */
export const impossibleRanges: readonly Range[] = [
  { offset: -1, length: 1 },
  { offset: 0.5, length: 1 },
  { offset: Number.NaN, length: 1 },
  { offset: Number.POSITIVE_INFINITY, length: 1 },
  { offset: Number.MAX_SAFE_INTEGER, length: 1 },
  { offset: 2 ** 53, length: 1 },
  { offset: 0, length: -1 },
  { offset: 0, length: 0.5 },
  { offset: 0, length: Number.NaN },
  { offset: 1, length: Number.MAX_SAFE_INTEGER },
];

/** Those of {@link impossibleRanges} whose length a buffer can have. */
export const impossibleOffsets: readonly Range[] = impossibleRanges.filter(({ length }) => length === 1);

/** Ranges that begin within `size`, or right behind it, and end beyond. */
export function rangesPastEnd(block: number, size: number): Range[] {
  return [
    { offset: size, length: 1 },
    { offset: size - 1, length: 2 },
    { offset: 0, length: size + 1 },
    { offset: size - block, length: block + 1 },
    { offset: size + block, length: block },
  ];
}

/** Cuts `size` bytes into disjoint pieces of mixed sizes up to `longest`, in random order. */
export function pieces(random: Random, size: number, longest: number): Range[] {
  const cut: Range[] = [];
  for (let offset = 0; offset < size;) {
    const most = random.below(8) === 0 ? longest : Math.ceil(longest / 64);
    const length = Math.min(1 + random.below(most), size - offset);
    cut.splice(random.below(cut.length + 1), 0, { offset, length });
    offset += length;
  }
  return cut;
}
