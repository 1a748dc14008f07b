const ZEROES = Buffer.alloc(65_536);

/** Whether a part of a buffer holds nothing but zeroes. An empty one does. */
export function isZero(bytes: Buffer, start: number, end: number): boolean {
  // Most data differs from zero at once.
  if (start < end && (bytes[start] !== 0 || bytes[end - 1] !== 0)) return false;
  for (let at = start; at < end; at += ZEROES.byteLength) {
    const length = Math.min(ZEROES.byteLength, end - at);
    if (bytes.compare(ZEROES, 0, length, at, at + length) !== 0) return false;
  }
  return true;
}
