import { inflate } from "#inflate";

import type { Backend } from "@instar/backend";
import { ImageError } from "@instar/image-format";
import { AsyncLruCache } from "@instar/lru-cache";

import { ruleError } from "./rule-error.js";
import type { CompressedGrain } from "./extent.js";

/** Unpacked grains that are kept: a guest reads them in parts. */
const KEEP = 16;
/** Length of the marker before a grain: the sector it belongs to (8 bytes) and the length of the stream. */
const MARKER = 12;

/** Reads compressed grains, of all extents of a disk. */
export class Grains {
  readonly #cache: AsyncLruCache<string, Uint8Array>;
  /** The number of each file, which stands for it in keys. */
  readonly #files = new Map<Backend, number>();

  constructor(files: Iterable<Backend>) {
    const byNumber = [...files];
    for (const [index, file] of byNumber.entries()) this.#files.set(file, index);
    this.#cache = new AsyncLruCache({
      name: "grains",
      limit: KEEP,
      io: {
        load: (key, { signal }) => {
          const [index = 0, fileOffset = 0, size = 0] = key.split(" ").map(Number);
          const file = byNumber[index];
          if (!file) throw new RangeError(`no file ${index}`);
          return load({ file, fileOffset, size }, signal);
        },
        store: () => {},
      },
    });
  }

  /**
   * Fills `target` from a place in a grain.
   *
   * @throws {@link ImageError} `ERR_CORRUPT`, `ERR_TRUNCATED`
   */
  async read(
    grain: CompressedGrain,
    target: Uint8Array,
    inGrain: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { file, fileOffset, size } = grain;
    const lease = await this.#cache.acquire(`${this.#files.get(file)} ${fileOffset} ${size}`, { signal });
    try {
      const part = lease.value.subarray(inGrain, inGrain + target.length);
      if (part.length < target.length) {
        const rule = `be ${inGrain + target.length} bytes at least`;
        throw ruleError("ERR_CORRUPT", file.name, `grain at ${fileOffset}, unpacked`, lease.value.length, rule);
      }
      target.set(part);
    } finally {
      lease.release();
    }
  }
}

async function load({ file, fileOffset, size }: CompressedGrain, signal: AbortSignal): Promise<Uint8Array> {
  const where = file.name;
  const available = file.size - fileOffset;
  if (available < MARKER) {
    const rule = `be ${fileOffset + MARKER} at least, where the marker of a grain ends`;
    throw ruleError("ERR_TRUNCATED", where, "size of the file", file.size, rule);
  }
  // A stream that is longer than the grain is rare: one read brings marker and stream.
  const bytes = new Uint8Array(Math.min(available, MARKER + size));
  await file.read(bytes, fileOffset, { signal });
  const length = new DataView(bytes.buffer).getUint32(8, true);
  if (length === 0 || length > 2 * size) {
    throw ruleError("ERR_CORRUPT", where, `length of the grain at ${fileOffset}`, length, `be 1 to ${2 * size}`);
  }
  if (MARKER + length > available) {
    const rule = `be ${fileOffset + MARKER + length} at least, where a grain ends`;
    throw ruleError("ERR_TRUNCATED", where, "size of the file", file.size, rule);
  }
  let stream = bytes.subarray(MARKER, MARKER + length);
  if (stream.length < length) {
    const rest = new Uint8Array(length - stream.length);
    await file.read(rest, fileOffset + bytes.length, { signal });
    const whole = new Uint8Array(length);
    whole.set(stream);
    whole.set(rest, stream.length);
    stream = whole;
  }
  try {
    return await inflate(stream, size);
  } catch (cause) {
    const rule = `be a zlib stream of ${size} bytes at most`;
    const message = `${where}: the grain at ${fileOffset} cannot be unpacked, must ${rule}`;
    throw new ImageError("vmdk", "ERR_CORRUPT", message, { field: `grain at ${fileOffset}`, rule, cause });
  }
}
