import { BackendError, type CallOptions } from "@instar/backend";

import type { ImageHost } from "./image-host.js";
import { Preallocator } from "./preallocator.js";

/**
 * What is set aside for guest clusters before anything is written to them:
 *
 * - `off`: nothing;
 * - `metadata`: L2 tables and refcounts; the file becomes as long as it can get, with a hole for the clusters;
 * - `falloc`: the clusters too, by `allocate` where the file that holds them has it, else by writing zeroes to them;
 * - `full`: the clusters too, by writing zeroes to them.
 */
export type Preallocation = "off" | "metadata" | "falloc" | "full";

/** How to set clusters aside. */
export interface PreallocateOptions extends CallOptions {
  /** Defaults to `metadata`. */
  readonly mode?: Preallocation | undefined;
}

/** Gives the clusters of a range host clusters of their own, and makes that durable. */
export async function preallocateRange(
  { engine, prepare, alone }: ImageHost,
  offset: number,
  length: number,
  { mode = "metadata", signal }: PreallocateOptions,
): Promise<void> {
  await prepare();
  if (mode === "off" || length === 0) return;
  // Where the guest data is not at hand, nobody can tell what its clusters would hold.
  await engine.data.read(new Uint8Array(0), 0, 0);
  const preallocator = new Preallocator(engine, mode);
  await alone(async () => {
    const { size } = engine.header.current;
    if (offset + length > size) {
      const what = `preallocate of ${length} bytes at ${offset}`;
      throw new BackendError("ERR_RANGE", `${engine.file.name}: ${what} goes past the end at ${size}`);
    }
    for (let at = offset; at < offset + length;) {
      signal?.throwIfAborted();
      at = await preallocator.preallocate(at, offset + length);
    }
    await engine.durability.sync();
  });
}
