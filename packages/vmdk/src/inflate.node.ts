/// <reference types="node" />
import { inflate as inflateWithZlib } from "node:zlib";

/**
 * Unpacks a zlib stream (RFC 1950). Bytes behind its end are ignored.
 *
 * @param most bytes it may unpack to; no more are ever allocated
 * @throws when the stream is broken, ends early or is longer
 */
export function inflate(stream: Uint8Array, most: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // One byte of room more than is needed: zlib is then done in one step.
    inflateWithZlib(stream, { chunkSize: Math.max(64, most + 1), maxOutputLength: most }, (error, result) =>
      error === null ? resolve(result) : reject(error),
    );
  });
}
