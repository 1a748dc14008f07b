/** Copies bytes to where they belong, unless that is where they are. */
export function put(target: Uint8Array, offset: number, bytes: Uint8Array): void {
  if (bytes.buffer === target.buffer && bytes.byteOffset === target.byteOffset + offset) return;
  target.set(bytes, offset);
}
