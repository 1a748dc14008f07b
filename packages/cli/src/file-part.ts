import { type Backend, BaseBackend, type Capabilities, type Extent, extentsOf } from "@instar/backend";
import { CliError } from "./errors.js";
import { SECTOR } from "./raw-image.js";

/** A part of a file as a file of its own, which has a fixed size. Closing it closes the whole. */
export class FilePart extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly size: number;
  readonly #whole: Backend;
  readonly #start: number;

  /** @throws {@link CliError} where the file is too short */
  constructor(whole: Backend, start: number, size: number = whole.size - start) {
    super();
    if (size % SECTOR !== 0 && start + size !== whole.size) {
      throw new CliError(`size ${size}: must be a multiple of ${SECTOR}`);
    }
    if (size < 0 || start + size > whole.size) {
      const rule = `must lie within the ${whole.size} bytes of ${whole.name}`;
      throw new CliError(`offset ${start}, size ${Math.max(size, 0)}: ${rule}`);
    }
    this.name = whole.name;
    this.capabilities = { ...whole.capabilities, grow: false, truncate: false };
    this.size = size;
    this.#whole = whole;
    this.#start = start;
  }

  protected override async doRead(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    await this.#whole.read(target, this.#start + offset, { signal });
  }

  protected override async doWrite(source: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    await this.#whole.write(source, this.#start + offset, { signal });
  }

  protected override async doWriteZeroes(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    await this.#whole.writeZeroes(this.#start + offset, length, { signal });
  }

  protected override async doDiscard(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    await this.#whole.discard(this.#start + offset, length, { signal });
  }

  protected override async doAllocate(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    await this.#whole.allocate(this.#start + offset, length, { signal });
  }

  protected override async doSync(signal?: AbortSignal): Promise<void> {
    await this.#whole.sync({ signal });
  }

  protected override async *doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent> {
    for await (const extent of extentsOf(this.#whole, this.#start + offset, length, { signal })) {
      yield { ...extent, offset: extent.offset - this.#start };
    }
  }

  protected override async doClose(): Promise<void> {
    await this.#whole.close();
  }
}
