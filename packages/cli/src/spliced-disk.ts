import { type Backend, BaseBackend, type Capabilities, type Extent, extentsOf } from "@instar/backend";
import { READ_ONLY } from "./read-only.js";

/** A part of a disk, in bytes. It lies within the size of the disk. */
export interface DiskPart {
  readonly disk: Backend;
  readonly offset: number;
  readonly length: number;
}

/** A part that is concerned by a request. */
interface Touched {
  readonly disk: Backend;
  /** Where in that disk. */
  readonly offset: number;
  readonly length: number;
  /** What to add to an offset in that disk. */
  readonly shift: number;
}

/** Parts of disks one behind the other, for reading. Who made it closes the disks. */
export class SplicedDisk extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities = READ_ONLY;
  readonly size: number;
  readonly #parts: readonly (DiskPart & { readonly start: number })[];

  constructor(name: string, parts: readonly DiskPart[]) {
    super();
    this.name = name;
    let start = 0;
    this.#parts = parts.map((part) => {
      const placed = { ...part, start };
      start += part.length;
      return placed;
    });
    this.size = start;
  }

  protected override async doRead(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    await Promise.all(
      [...this.#touched(offset, target.byteLength)].map(({ disk, offset: at, length, shift }) => {
        const begin = at + shift - offset;
        return disk.read(target.subarray(begin, begin + length), at, { signal });
      }),
    );
  }

  protected override async *doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent> {
    for (const { disk, offset: at, length: count, shift } of this.#touched(offset, length)) {
      for await (const extent of extentsOf(disk, at, count, { signal })) {
        yield { ...extent, offset: extent.offset + shift };
      }
    }
  }

  *#touched(offset: number, length: number): Generator<Touched> {
    for (const part of this.#parts) {
      const begin = Math.max(offset, part.start);
      const end = Math.min(offset + length, part.start + part.length);
      const shift = part.start - part.offset;
      if (begin < end) yield { disk: part.disk, offset: begin - shift, length: end - begin, shift };
    }
  }
}
