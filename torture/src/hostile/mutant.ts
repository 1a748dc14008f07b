import type { Random } from "../random.ts";
import { CrashFile } from "../storage/crash-file.ts";
import type { Base, Place } from "./base.ts";

/** Boundaries of everything: powers of two and their neighbours. */
const EDGES: readonly bigint[] = [
  ...new Set(
    Array.from({ length: 65 }, (_, bit) => 1n << BigInt(bit)).flatMap((power) => [power - 1n, power, power + 1n]),
  ),
];

/** An image that is wrong somewhere, and what is wrong. */
export interface Mutant {
  readonly file: CrashFile;
  readonly what: readonly string[];
}

/** A number in a place. */
export interface Patch {
  readonly place: Place;
  readonly value: bigint;
}

/** Every place at every edge of its range, one at a time: how many there are, and the one of a number. */
export function singlePatch(base: Base, number: number): Patch | undefined {
  const place = base.places[Math.floor(number / EDGES.length)];
  const value = EDGES[number % EDGES.length];
  return place && value !== undefined ? { place, value } : undefined;
}

/** Values in some places, drawn at random: edges, other structures, what stands elsewhere, a bit more or less. */
export function drawPatches(base: Base, random: Random): Patch[] {
  return Array.from({ length: 1 + random.below(random.of(1, 2, 5)) }, () => {
    const place = random.pick(base.places);
    return { place, value: drawValue(base, place, random) };
  });
}

/** Makes a mutant. The end of the file may be cut off, too. */
export function mutantOf(base: Base, patches: readonly Patch[], length = base.bytes.byteLength): Mutant {
  const file = new CrashFile(base.bytes);
  const what = patches.map(
    ({ place, value }) => `${place.name} (${place.width} bytes at ${place.offset}) = 0x${value.toString(16)}`,
  );
  if (length !== base.bytes.byteLength) {
    file.resize(length);
    what.push(`cut off at ${length}`);
  }
  for (const { place, value } of patches) {
    if (place.offset + place.width <= file.size) void file.write(bytesOf(place, value), place.offset);
  }
  base.seal?.(file);
  return { file, what };
}

function drawValue(base: Base, place: Place, random: Random): bigint {
  switch (random.below(5)) {
    case 0:
      return random.pick(EDGES);
    case 1:
      return random.pick(base.values);
    case 2:
      return valueAt(base, random.pick(base.places));
    case 3:
      return valueAt(base, place) ^ (1n << BigInt(random.below(place.width * 8)));
    default:
      return valueAt(base, place) + BigInt(random.of(-512, -2, -1, 1, 2, 8, 512, 65_536));
  }
}

function valueAt(base: Base, { offset, width, littleEndian = false }: Place): bigint {
  const bytes = base.bytes.subarray(offset, offset + width);
  const ordered = littleEndian ? bytes.toReversed() : bytes;
  return ordered.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function bytesOf({ width, littleEndian = false }: Place, value: bigint): Uint8Array {
  const bytes = Uint8Array.from({ length: width }, (_, index) =>
    Number((value >> BigInt(8 * (width - 1 - index))) & 0xffn),
  );
  return littleEndian ? bytes.reverse() : bytes;
}
