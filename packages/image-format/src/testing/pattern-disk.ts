/** Numbers from 0 to 2^32-1 that follow from a seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/**
 * A sparse disk: runs of bytes that hardly compress, at the edges, across round offsets and at odd places.
 *
 * @param size bytes
 * @param run bytes of each run
 */
export function patternDisk(size: number, run = 1500): Uint8Array {
  const disk = new Uint8Array(size);
  const random = randomFrom(size + 17);
  const places = [0, 65_536 - 700, 2 ** 20 - 700, 2 ** 20 * 1.5 + 3, 2 ** 21 + 4096, 2 ** 22 - 1, size - run];
  for (const place of places) {
    for (let at = Math.max(0, place); at < Math.min(size, place + run); at++) disk[at] = random() >>> 24;
  }
  return disk;
}
