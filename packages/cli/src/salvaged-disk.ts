import { type Backend, BaseBackend, type Capabilities, type Extent, extentsOf } from "@instar/backend";
import { oneLine } from "./errors.js";
import { SECTOR } from "./raw-image.js";
import { cut } from "./runs.js";

/**
 * A disk that is damaged, for reading: sectors that cannot be read are told of, and read as zeroes. Who made it closes
 * the disk.
 */
export class SalvagedDisk extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #disk: Backend;
  readonly #warn: (message: string) => void;

  /** @param warn is told of each sector, and each place whose extents are unknown */
  constructor(disk: Backend, warn: (message: string) => void) {
    super();
    this.name = disk.name;
    this.capabilities = { ...disk.capabilities, write: false, extents: true };
    this.#disk = disk;
    this.#warn = warn;
  }

  get size(): number {
    return this.#disk.size;
  }

  protected override async doRead(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    try {
      await this.#disk.read(target, offset, { signal });
      return;
    } catch {
      signal?.throwIfAborted();
    }
    for (const sector of cut({ offset, length: target.byteLength }, SECTOR)) {
      const bytes = target.subarray(sector.offset - offset, sector.offset - offset + sector.length);
      try {
        await this.#disk.read(bytes, sector.offset, { signal });
      } catch (error) {
        signal?.throwIfAborted();
        bytes.fill(0);
        this.#warn(`warning: error while reading offset ${sector.offset}: ${oneLine(error)}`);
      }
    }
  }

  protected override async *doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent> {
    let at = offset;
    try {
      for await (const extent of extentsOf(this.#disk, offset, length, { signal })) {
        yield extent;
        at = extent.offset + extent.length;
      }
    } catch (error) {
      signal?.throwIfAborted();
      this.#warn(`warning: error while reading block status at offset ${at}: ${oneLine(error)}`);
      // Reading finds out.
      if (at < offset + length) yield { offset: at, length: offset + length - at, kind: "data" };
    }
  }
}
