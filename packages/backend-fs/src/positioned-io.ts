import { read, write } from "node:fs";

/** One system call moves this much at most: under Linux' limit of 2 GiB, and little enough for an abort to be heard. */
const CHUNK = 16_777_216;

type Call = (
  fd: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  position: number,
  settled: (error: NodeJS.ErrnoException | null, count: number) => void,
) => void;

/**
 * Moves bytes between `bytes` and a descriptor from `offset` on, until all are moved or a call moves none; resolves to
 * the number moved. Rejects with the reason of the signal when it is aborted between two calls.
 *
 * Callbacks, because `FileHandle` costs half of the small reads per second that they reach.
 */
function move(
  call: Call,
  fd: number,
  bytes: Uint8Array,
  offset: number,
  signal: AbortSignal | undefined,
  moved: ((count: number) => void) | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let done = 0;
    const settled = (error: NodeJS.ErrnoException | null, count: number): void => {
      // EINTR: a signal arrived before anything was moved, and the call is to be made again.
      if (error && error.code !== "EINTR") return reject(error);
      if (!error) {
        done += count;
        moved?.(done);
        if (count === 0 || done === bytes.byteLength) return resolve(done);
      }
      try {
        signal?.throwIfAborted();
        step();
      } catch (reason) {
        reject(reason);
      }
    };
    const step = (): void => call(fd, bytes, done, Math.min(CHUNK, bytes.byteLength - done), offset + done, settled);
    step();
  });
}

/** Reads until `target` is full or the file ends; resolves to the number of bytes read. */
export function readAt(fd: number, target: Uint8Array, offset: number, signal?: AbortSignal): Promise<number> {
  return move(read, fd, target, offset, signal, undefined);
}

/**
 * Writes all of `source`; resolves to the number of bytes written, which falls short only where the system wrote
 * nothing and gave no reason. `written` hears how far it has come after each step, also when a later one fails.
 */
export function writeAt(
  fd: number,
  source: Uint8Array,
  offset: number,
  signal: AbortSignal | undefined,
  written: (count: number) => void,
): Promise<number> {
  return move(write, fd, source, offset, signal, written);
}
