import { type Backend, BaseBackend, type Capabilities, type Extent, extentsOf } from "@instar/backend";
import { READ_ONLY } from "./read-only.js";

/**
 * A disk, or none, continued with zeroes without end, for reading. Below an image it lets the image record zeroes that
 * nothing below would show otherwise. Who made it closes the disk.
 */
export class EndlessDisk extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities = READ_ONLY;
  readonly size: number = Number.MAX_SAFE_INTEGER;
  readonly #disk: Backend | undefined;

  constructor(disk: Backend | undefined) {
    super();
    this.name = disk?.name ?? "zeroes";
    this.#disk = disk;
  }

  protected override async doRead(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    const stored = this.#stored(offset, target.byteLength);
    target.fill(0, stored);
    if (stored > 0) await this.#disk?.read(target.subarray(0, stored), offset, { signal });
  }

  protected override async *doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent> {
    const stored = this.#stored(offset, length);
    if (this.#disk && stored > 0) yield* extentsOf(this.#disk, offset, stored, { signal });
    if (stored < length) yield { offset: offset + stored, length: length - stored, kind: "hole" };
  }

  #stored(offset: number, length: number): number {
    return Math.max(0, Math.min(length, (this.#disk?.size ?? 0) - offset));
  }
}
