import { BackendError } from "@instar/backend";

import {
  MAX_BITMAP_NAME,
  MAX_BITMAPS,
  MAX_GRANULARITY_BITS,
  MIN_GRANULARITY_BITS,
  readBitmapDirectory,
  refuseBitmapSize,
} from "./bitmap-directory.js";
import { type BitmapEntry } from "./bitmap-entry.js";
import type { WantedBitmap } from "./bitmap-switch.js";
import { bitmapChunk } from "./bitmap-table.js";
import type { BitmapInfo, Bitmaps, BitmapSource, DirtyRange, NewBitmap } from "./bitmaps.js";
import { DirtyBits, endOfBits, isBitSet, orBytes } from "./dirty-bits.js";
import { Qcow2Error, quote, ruleError } from "./errors.js";
import type { ImageHost } from "./image-host.js";

/** Makes the changes that {@link Bitmaps} promises. */
export class ImageBitmaps implements Bitmaps {
  readonly #host: ImageHost;

  constructor(host: ImageHost) {
    this.#host = host;
  }

  async list(): Promise<readonly BitmapInfo[]> {
    return (await this.#host.alone(() => this.#bitmaps())).map(({ entry, inconsistent }) => ({
      name: entry.name,
      granularity: 2 ** entry.granularityBits,
      enabled: entry.auto,
      inconsistent,
    }));
  }

  add({ name, granularity = this.#defaultGranularity(), disabled = false }: NewBitmap): Promise<void> {
    return this.#change((bitmaps) => {
      const { header, file } = this.#host.engine;
      const nameBytes = new TextEncoder().encode(name);
      if (nameBytes.byteLength < 1 || nameBytes.byteLength > MAX_BITMAP_NAME || nameBytes.includes(0)) {
        throw this.#invalid("name of a bitmap", name, `1 to ${MAX_BITMAP_NAME} bytes of UTF-8 without a zero byte`);
      }
      if (bitmaps.some(({ entry }) => entry.name === name)) {
        throw this.#invalid("name of a bitmap", name, "another one than those of all others");
      }
      const granularityBits = Math.log2(granularity);
      const isPower = Number.isInteger(granularityBits);
      if (!isPower || granularityBits < MIN_GRANULARITY_BITS || granularityBits > MAX_GRANULARITY_BITS) {
        const rule = `a power of two from ${2 ** MIN_GRANULARITY_BITS} to ${2 ** MAX_GRANULARITY_BITS}`;
        throw this.#invalid("granularity", granularity, rule);
      }
      if (header.current.version === 2) throw this.#invalid("version", 2, "3 to have bitmaps");
      if (bitmaps.length >= MAX_BITMAPS) {
        throw this.#invalid("number of bitmaps", bitmaps.length + 1, `at most ${MAX_BITMAPS}`);
      }
      refuseBitmapSize(file.name, header.current.size, granularityBits);
      const entry = { name, nameBytes, granularityBits, extra: new Uint8Array(0), extraCompatible: false };
      return [...bitmaps, anew({ ...entry, auto: !disabled, inUse: !disabled, ...NOWHERE })];
    });
  }

  remove(name: string): Promise<void> {
    return this.#change((bitmaps) => {
      const found = this.#find(bitmaps, name);
      return bitmaps.filter((bitmap) => bitmap !== found);
    });
  }

  clear(name: string): Promise<void> {
    return this.#changeOne(name, ({ entry }) => anew({ ...entry, ...NOWHERE }));
  }

  enable(name: string): Promise<void> {
    return this.#changeOne(name, (its) => ({ ...its, entry: { ...its.entry, auto: true, inUse: true } }));
  }

  disable(name: string): Promise<void> {
    return this.#changeOne(name, (its) => ({ ...its, entry: { ...its.entry, auto: false, inUse: false } }));
  }

  async merge(source: string | BitmapSource, target: string): Promise<void> {
    const { engine, prepare, alone } = this.#host;
    await prepare();
    const { granularityBits } = (await alone(() => this.#usable(target))).entry;
    const merged = new DirtyBits(granularityBits, engine.layout.clusterSize);
    for await (const { offset, length, dirty } of this.#sourceRanges(source)) {
      if (dirty) merged.set(offset, offset + length);
    }
    await this.#changeOne(target, (its) => {
      merged.add(its.bits);
      return { ...its, bits: merged };
    });
  }

  async *dirty(name: string, offset = 0, length?: number): AsyncGenerator<DirtyRange> {
    const { engine, alone } = this.#host;
    const { size } = engine.header.current;
    const end = length === undefined ? size : offset + length;
    if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(end) && offset >= 0 && offset <= end && end <= size)) {
      const message = `${engine.file.name}: dirty ranges of ${end - offset} bytes at ${offset}: the disk ends at ${size}`;
      throw new BackendError("ERR_RANGE", message);
    }
    let last: DirtyRange | undefined;
    for (let at = offset; at < end;) {
      const { granularity, first, bytes } = await alone(() => this.#chunkAt(name, at));
      const stop = Math.min(end, (first + bytes.byteLength * 8) * granularity);
      while (at < stop) {
        const bit = Math.floor(at / granularity) - first;
        const next = Math.min(stop, (first + endOfBits(bytes, bit, bytes.byteLength * 8)) * granularity);
        const dirty = isBitSet(bytes, bit);
        if (last && last.dirty !== dirty) yield last;
        last =
          last?.dirty === dirty ? { ...last, length: next - last.offset } : { offset: at, length: next - at, dirty };
        at = next;
      }
    }
    if (last) yield last;
  }

  /** The chunk of a bitmap in which the bit of an offset is, stored and recorded bits together. */
  async #chunkAt(
    name: string,
    offset: number,
  ): Promise<{ readonly granularity: number; readonly first: number; readonly bytes: Uint8Array }> {
    const { file, layout } = this.#host.engine;
    const { entry, bits } = await this.#usable(name);
    const granularity = 2 ** entry.granularityBits;
    const index = Math.floor(offset / granularity / (layout.clusterSize * 8));
    const bytes = await bitmapChunk(file, layout, entry, index);
    const recorded = bits?.chunk(index);
    if (recorded) orBytes(bytes, recorded);
    return { granularity, first: index * layout.clusterSize * 8, bytes };
  }

  #sourceRanges(source: string | BitmapSource): AsyncIterable<DirtyRange> {
    if (typeof source === "string") return this.dirty(source);
    const { size } = this.#host.engine.header.current;
    if (source.image.size === size) return source.image.bitmaps.dirty(source.name);
    throw this.#invalid("size of the image to merge from", source.image.size, `the size of this one, ${size}`);
  }

  async #change(work: (bitmaps: WantedBitmap[]) => WantedBitmap[]): Promise<void> {
    const { engine, prepare, alone } = this.#host;
    await prepare();
    await alone(async () => {
      await engine.bitmaps.replace(work(engine.bitmaps.wanted()));
    });
  }

  #changeOne(name: string, work: (bitmap: WantedBitmap) => WantedBitmap): Promise<void> {
    return this.#change((bitmaps) => {
      const found = this.#find(bitmaps, name);
      this.#requireConsistent(name, found.inconsistent === true);
      return bitmaps.map((bitmap) => (bitmap === found ? work(bitmap) : bitmap));
    });
  }

  /** The bitmaps as they are: kept in memory, or else as the file has them. */
  async #bitmaps(): Promise<readonly { entry: BitmapEntry; inconsistent: boolean; bits?: DirtyBits | undefined }[]> {
    const { bitmaps, file, header } = this.#host.engine;
    if (bitmaps.isKeeping) return bitmaps.bitmaps;
    const entries = await readBitmapDirectory(file, header.current);
    return entries.map((entry) => ({ entry, inconsistent: entry.inUse }));
  }

  async #usable(name: string): Promise<{ readonly entry: BitmapEntry; readonly bits?: DirtyBits | undefined }> {
    const found = this.#find(await this.#bitmaps(), name);
    this.#requireConsistent(name, found.inconsistent);
    return found;
  }

  #find<T extends { readonly entry: BitmapEntry }>(bitmaps: readonly T[], name: string): T {
    const found = bitmaps.find(({ entry }) => entry.name === name);
    if (found) return found;
    throw new BackendError("ERR_NOT_FOUND", `${this.#host.engine.file.name}: there is no bitmap named ${quote(name)}`);
  }

  #requireConsistent(name: string, inconsistent: boolean): void {
    if (!inconsistent) return;
    const message = `${this.#host.engine.file.name}: bitmap ${quote(name)} is inconsistent: it can only be removed`;
    const rule = "stored by whoever wrote to the image last";
    throw new Qcow2Error("ERR_INVALID_OPTION", message, { field: "bitmap", value: name, rule });
  }

  #defaultGranularity(): number {
    return Math.min(65_536, Math.max(4096, this.#host.engine.layout.clusterSize));
  }

  #invalid(field: string, value: number | string, rule: string): Qcow2Error {
    return ruleError("ERR_INVALID_OPTION", this.#host.engine.file.name, field, value, rule);
  }
}

/** Where the table of a bitmap is that has none yet. */
const NOWHERE = { tableOffset: 0, tableSize: 0, flagsOffset: 0 };

/** A bitmap in which nothing is set. */
function anew(entry: BitmapEntry): WantedBitmap {
  return { entry, exists: false };
}
