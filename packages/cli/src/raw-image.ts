import {
  type Backend,
  BackendError,
  BaseBackend,
  type Capabilities,
  type Extent,
  extentsOf,
  MemoryBackend,
} from "@instar/backend";
import { PROBED, probeFormat } from "./formats/probe.js";
import { roundUp } from "./sizes.js";

/** Disks consist of sectors of this many bytes. */
export const SECTOR = 512;

/**
 * A file as a raw disk, as QEMU sees it: its size is a whole number of sectors, what the file lacks to that reads as
 * zeroes, and it does not grow by a write.
 *
 * Where nobody said that the file is raw, it refuses writes that would make it look like an image of another format: the
 * next one to open it without naming a format would follow whatever the guest wrote there.
 */
export class RawImage extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #file: Backend;
  readonly #guessed: boolean;

  /**
   * @param file the file, which is closed with the image
   * @param guessed whether the format was not named
   */
  constructor(file: Backend, guessed: boolean) {
    super();
    this.name = file.name;
    this.capabilities = { ...file.capabilities, grow: false, extents: true };
    this.#file = file;
    this.#guessed = guessed;
  }

  get size(): number {
    return roundUp(this.#file.size, SECTOR);
  }

  protected override async doRead(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    const stored = this.#stored(offset, target.byteLength);
    target.fill(0, stored);
    await this.#file.read(target.subarray(0, stored), Math.min(offset, this.#file.size), { signal });
  }

  protected override async doWrite(source: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    if (this.#guessed && offset < PROBED) await this.#refuseSignature(source, offset, signal);
    await this.#file.write(source, offset, { signal });
  }

  protected override async doTruncate(size: number, signal?: AbortSignal): Promise<void> {
    await this.#file.truncate(size, { signal });
  }

  protected override async doWriteZeroes(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    const stored = this.#stored(offset, length);
    if (stored > 0) await this.#file.writeZeroes(offset, stored, { signal });
  }

  protected override async doDiscard(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    const stored = this.#stored(offset, length);
    if (stored > 0) await this.#file.discard(offset, stored, { signal });
  }

  protected override async doAllocate(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    const stored = this.#stored(offset, length);
    if (stored > 0) await this.#file.allocate(offset, stored, { signal });
  }

  protected override async doSync(signal?: AbortSignal): Promise<void> {
    await this.#file.sync({ signal });
  }

  protected override async *doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent> {
    const stored = this.#stored(offset, length);
    if (stored > 0) yield* extentsOf(this.#file, offset, stored, { signal });
    if (stored < length) yield { offset: offset + stored, length: length - stored, kind: "hole" };
  }

  protected override async doClose(): Promise<void> {
    await this.#file.close();
  }

  /** How many bytes of a range the file holds. */
  #stored(offset: number, length: number): number {
    return Math.max(0, Math.min(length, this.#file.size - offset));
  }

  async #refuseSignature(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const { size } = this;
    const head = new Uint8Array(Math.min(PROBED, size));
    await this.doRead(head, 0, signal);
    head.set(source.subarray(0, head.byteLength - offset), offset);
    const written = new MemoryBackend({ size });
    await written.write(head, 0, { signal });
    const format = await probeFormat(written, { signal }).catch(() => "unsupported");
    if (format === "raw") return;
    const message = `${this.name}: would look like an image of another format (${format}): name the format (-f raw) to write this`;
    throw new BackendError("ERR_PERMISSION", message);
  }
}
