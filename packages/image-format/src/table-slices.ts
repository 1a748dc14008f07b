import type { Backend } from "@instar/backend";
import { AsyncLruCache } from "@instar/lru-cache";

import { type RuleError, ruleErrorOf } from "./rule-error.js";

/** Bytes that are read at once: one request brings thousands of entries, and no table has to fit into memory. */
const SLICE = 16_384;

/** The tables of an image, read in slices when they are needed, of which a bounded number is kept. */
export class TableSlices {
  readonly #file: Backend;
  readonly #cache: AsyncLruCache<number, DataView>;
  readonly #ruleError: RuleError;

  /**
   * @param format the name of the format, for errors
   * @param bytes how much to keep; one slice at least
   */
  constructor(format: string, file: Backend, bytes: number) {
    this.#file = file;
    this.#ruleError = ruleErrorOf(format);
    this.#cache = new AsyncLruCache({
      name: "tables",
      limit: Math.max(1, Math.floor(bytes / SLICE)),
      io: {
        load: async (key, wait) => {
          const slice = new Uint8Array(Math.min(SLICE, file.size - key * SLICE));
          await file.read(slice, key * SLICE, { signal: wait.signal });
          return new DataView(slice.buffer);
        },
        store: () => {},
      },
    });
  }

  /**
   * Calls `use` with the slice that holds the byte at `offset` of the file, and the byte's position in it. Aligned
   * entries never cross the end of a slice.
   *
   * @throws {@link ImageError} `ERR_TRUNCATED` unless `length` bytes from `offset` are in the file
   */
  async use<T>(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
    use: (slice: DataView, position: number) => T,
  ): Promise<T> {
    if (offset + length > this.#file.size) {
      const rule = `be ${offset + length} at least, where a table entry ends`;
      throw this.#ruleError("ERR_TRUNCATED", this.#file.name, "size of the file", this.#file.size, rule);
    }
    const key = Math.floor(offset / SLICE);
    const lease = this.#cache.tryAcquire(key) ?? (await this.#cache.acquire(key, { signal }));
    try {
      return use(lease.value, offset - key * SLICE);
    } finally {
      lease.release();
    }
  }
}
