import { AsyncLruCache, type CacheEvent, type Lease } from "@instar/lru-cache";

import { viewOf } from "./bytes.js";
import type { HostFile } from "./host-file.js";

/** Part of a table, as it stands in the file: big-endian entries. */
export interface Slice {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A pinned slice. The key is the slice's offset in the file divided by the slice size. */
export type SliceLease = Lease<number, Slice>;

/** Largest slice; clusters that are smaller are cached whole. */
const MAX_SLICE = 4096;

/** Bytes of a slice: all tables begin at a cluster, so no slice belongs to two tables. */
export function sliceSizeOf(clusterSize: number): number {
  return Math.min(clusterSize, MAX_SLICE);
}

/** How a cache of slices is made. */
export interface SliceCacheOptions {
  /** For errors and events. */
  readonly name: string;
  readonly file: HostFile;
  readonly sliceSize: number;
  /** How many bytes to keep. */
  readonly bytes: number;
  readonly observer?: ((event: CacheEvent<number>) => void) | undefined;
}

/** Tables of one kind, cached in slices, found by their offset in the file. */
export class SliceCache extends AsyncLruCache<number, Slice> {
  readonly sliceSize: number;

  constructor(options: SliceCacheOptions) {
    const { name, file, sliceSize, observer } = options;
    super({
      name,
      limit: Math.max(1, Math.floor(options.bytes / sliceSize)),
      io: {
        load: async (key) => {
          const bytes = new Uint8Array(sliceSize);
          await file.read(bytes, key * sliceSize);
          return { bytes, view: viewOf(bytes) };
        },
        store: (key, slice) => file.write(slice.bytes.slice(), key * sliceSize),
        storeMany: (entries) => {
          const bytes = new Uint8Array(entries.length * sliceSize);
          for (const [index, [, slice]] of entries.entries()) bytes.set(slice.bytes, index * sliceSize);
          return file.write(bytes, (entries[0]?.[0] ?? 0) * sliceSize);
        },
        sync: () => file.sync(),
      },
      neighbours: {
        next: (key) => key + 1,
        previous: (key) => (key > 0 ? key - 1 : undefined),
      },
      ...(observer && { observer }),
    });
    this.sliceSize = sliceSize;
  }

  /** The slice that holds the byte at `offset` of the file, if it is cached. */
  tryAt(offset: number): SliceLease | undefined {
    return this.tryAcquire(Math.floor(offset / this.sliceSize));
  }

  /** The slice that holds the byte at `offset` of the file. */
  at(offset: number): Promise<SliceLease> {
    return this.acquire(Math.floor(offset / this.sliceSize));
  }

  /** Where in its slice the byte at `offset` of the file stands. */
  position(offset: number): number {
    return offset - Math.floor(offset / this.sliceSize) * this.sliceSize;
  }

  /** Forgets a table that nobody refers to any more, unwritten. */
  async forget(offset: number, length: number): Promise<void> {
    const keys: number[] = [];
    for (let at = offset; at < offset + length; at += this.sliceSize) keys.push(at / this.sliceSize);
    await this.invalidate(keys);
  }
}
