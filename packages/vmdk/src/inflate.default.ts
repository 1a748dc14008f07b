import { Inflate } from "pako";

/**
 * Unpacks a zlib stream (RFC 1950). Bytes behind its end are ignored.
 *
 * @param most bytes it may unpack to; no more are ever kept
 * @throws when the stream is broken, ends early or is longer
 */
export async function inflate(stream: Uint8Array, most: number): Promise<Uint8Array> {
  // A window of 15 bits, said outright, keeps it from taking gzip too.
  const inflater = new Inflate({ windowBits: 15, chunkSize: Math.max(64, most) });
  const target = new Uint8Array(most);
  let length = 0;
  inflater.onData = (chunk: Uint8Array): void => {
    if (length + chunk.length > most) throw new RangeError(`the stream unpacks to more than ${most} bytes`);
    target.set(chunk, length);
    length += chunk.length;
  };
  inflater.push(stream, true);
  if (inflater.err !== 0) throw new RangeError(inflater.msg || `zlib error ${inflater.err}`);
  if (!inflater.ended) throw new RangeError("the stream ends early");
  return target.subarray(0, length);
}
