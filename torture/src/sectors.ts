/** Grain at which guests write here, and at which storage tears. */
export const SECTOR = 512;

/** What a sector holds that is neither zero nor written by a guest to this very sector. */
const FOREIGN = -1;

const WORDS = SECTOR / 4;

/** Fills sectors from `first` on with a value: each says which sector it is. Value 0 is zeroes. */
export function stampSectors(first: number, count: number, value: number): Uint8Array {
  const words = new Uint32Array(count * WORDS);
  if (value !== 0) {
    for (let index = 0; index < words.length; index += 2) {
      words[index] = first + Math.floor(index / WORDS) + 1;
      words[index + 1] = value;
    }
  }
  return new Uint8Array(words.buffer);
}

/** Sectors for {@link valueOf}, to be read into. */
export function sectorBuffer(count: number): { readonly bytes: Uint8Array; readonly words: Uint32Array } {
  const words = new Uint32Array(count * WORDS);
  return { bytes: new Uint8Array(words.buffer), words };
}

/** The value that a sector holds, which begins at index `at` of a buffer in sectors; or {@link FOREIGN}. */
export function valueOf(words: Uint32Array, at: number, sector: number): number {
  const begin = at * WORDS;
  const tag = words[begin] ?? 0;
  const value = words[begin + 1] ?? 0;
  if (tag !== (value === 0 ? 0 : sector + 1)) return FOREIGN;
  for (let index = begin + 2; index < begin + WORDS; index += 2) {
    if (words[index] !== tag || words[index + 1] !== value) return FOREIGN;
  }
  return value;
}
