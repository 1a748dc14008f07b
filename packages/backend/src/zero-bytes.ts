import type { Backend, CallOptions } from "./contract.js";

const CHUNK = 262_144;

/** Writes zero bytes, 256 KiB at a time. An empty range is one empty write, which has the rules of any other. */
export async function writeZeroBytes(
  backend: Backend,
  offset: number,
  length: number,
  options: CallOptions | undefined,
): Promise<void> {
  const zeroes = new Uint8Array(Math.min(CHUNK, length));
  let done = 0;
  do {
    const part = zeroes.subarray(0, Math.min(CHUNK, length - done));
    await backend.write(part, offset + done, options);
    done += part.byteLength;
  } while (done < length);
}
