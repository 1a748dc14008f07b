import { multiply, Q0, Q1 } from "./twofish-field.js";

const WORDS = 40;
/** The primitive polynomials of the two fields: that of the MDS matrix, and that of the code RS. */
const MDS_FIELD = 0x169;
const RS_FIELD = 0x14d;

/** The paper, section 4.2: what makes the outputs of the four S-boxes depend on each other. */
const MDS: readonly (readonly number[])[] = [
  [0x01, 0xef, 0x5b, 0x5b],
  [0x5b, 0xef, 0xef, 0x01],
  [0xef, 0x5b, 0x01, 0xef],
  [0xef, 0x01, 0xef, 0x5b],
];
/** The paper, section 4.3: what makes four bytes of eight of the key. */
const RS: readonly (readonly number[])[] = [
  [0x01, 0xa4, 0x55, 0x87, 0x5a, 0x58, 0xdb, 0x9e],
  [0xa4, 0x56, 0x82, 0xf3, 0x1e, 0xc6, 0x68, 0xe5],
  [0x02, 0xa1, 0xfc, 0xc1, 0x47, 0xae, 0x3d, 0x19],
  [0xa4, 0x55, 0x87, 0x5a, 0x58, 0xdb, 0x9e, 0x03],
];
/** Section 4.3.2: which permutation each of the four bytes goes through after which part of the key; the last one first. */
const ORDER: readonly (readonly Uint8Array[])[] = [
  [Q1, Q0, Q0, Q1, Q1],
  [Q0, Q0, Q1, Q1, Q0],
  [Q1, Q1, Q0, Q0, Q0],
  [Q0, Q1, Q1, Q0, Q1],
];

/** The 40 words of the expanded key. The paper, section 4.3.3. */
export function roundKeys(key: Uint8Array): Uint32Array {
  const parts = partsOf(key);
  const even = boxesOf(parts.filter((_, index) => index % 2 === 0));
  const odd = boxesOf(parts.filter((_, index) => index % 2 === 1));
  const keys = new Uint32Array(WORDS);
  for (let word = 0; word < WORDS; word += 2) {
    const a = allFour(even, word);
    const b = allFour(odd, word + 1);
    const turned = (b << 8) | (b >>> 24);
    keys[word] = a + turned;
    const sum = a + 2 * turned;
    keys[word + 1] = (sum << 9) | (sum >>> 23);
  }
  return keys;
}

/** The four S-boxes that a key makes, each multiplied with its column of the MDS matrix. The paper, section 4.3.2. */
export function keyedBoxes(key: Uint8Array): [Uint32Array, Uint32Array, Uint32Array, Uint32Array] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < key.byteLength; at += 8) {
    const eight = key.subarray(at, at + 8);
    parts.unshift(Uint8Array.from(RS, (row) => product(row, eight, RS_FIELD)));
  }
  return boxesOf(parts);
}

/** The key, four bytes at a time. */
function partsOf(key: Uint8Array): Uint8Array[] {
  return Array.from({ length: key.byteLength / 4 }, (_, index) => key.slice(index * 4, index * 4 + 4));
}

/** What the function h of the paper does to each of the bytes of a word by itself. */
function boxesOf(parts: readonly Uint8Array[]): [Uint32Array, Uint32Array, Uint32Array, Uint32Array] {
  return [boxOf(parts, 0), boxOf(parts, 1), boxOf(parts, 2), boxOf(parts, 3)];
}

function boxOf(parts: readonly Uint8Array[], byte: number): Uint32Array {
  const [last, ...before] = ORDER[byte]!;
  return Uint32Array.from({ length: 256 }, (_, input) => {
    let value = input;
    for (let index = parts.length - 1; index >= 0; index--) value = before[index]![value]! ^ parts[index]![byte]!;
    return column(last![value]!, byte);
  });
}

/** A byte multiplied with a column of the MDS matrix. */
function column(value: number, byte: number): number {
  return MDS.reduce((word, row, index) => word | (multiply(row[byte]!, value, MDS_FIELD) << (index * 8)), 0);
}

/** The function h of a word whose four bytes are the same. */
function allFour(boxes: readonly Uint32Array[], value: number): number {
  return boxes.reduce((word, box) => word ^ box[value]!, 0);
}

function product(row: readonly number[], bytes: Uint8Array, field: number): number {
  return row.reduce((sum, factor, index) => sum ^ multiply(factor, bytes[index]!, field), 0);
}
