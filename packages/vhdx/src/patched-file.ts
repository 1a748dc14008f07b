import { type Backend, BaseBackend, type Capabilities } from "@instar/backend";
import { ImageError } from "@instar/image-format";

/** What a log writes at once. */
export const PAGE = 4096;
/** Most ranges that a log zeroes: each is looked at in every read. */
const MAX_ZEROED = 4096;

/** A file as it will be when its log has been written out: the file below is not touched. */
export class PatchedFile extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #file: Backend;
  #size: number;
  /** By offset divided by the page size; what was zeroed later is gone from here. */
  readonly #pages = new Map<number, Uint8Array>();
  readonly #zeroed: { readonly begin: number; readonly end: number }[] = [];

  constructor(file: Backend) {
    super();
    this.name = file.name;
    this.#file = file;
    this.#size = file.size;
    const { durable } = file.capabilities;
    const none = { write: false, grow: false, truncate: false, writeZeroes: false, discard: false, allocate: false };
    this.capabilities = { ...none, extents: false, durable };
  }

  get size(): number {
    return this.#size;
  }

  /** Makes the file as long as the log says that it is. */
  growTo(size: number): void {
    this.#size = Math.max(this.#size, size);
  }

  /** Puts a page over the file; it is kept, not copied. `offset` is a multiple of the page size. */
  put(page: Uint8Array, offset: number): void {
    this.#pages.set(offset / PAGE, page);
    this.growTo(offset + PAGE);
  }

  /**
   * Puts zeroes over the file. Offset and length are multiples of the page size.
   *
   * @throws {@link ImageError} `ERR_UNSUPPORTED_FEATURE` for more ranges than are looked after
   */
  zero(offset: number, length: number): void {
    if (this.#zeroed.length >= MAX_ZEROED) {
      const rule = `zero ${MAX_ZEROED} ranges at most`;
      const message = `${this.name}: the log zeroes too many ranges, must ${rule}`;
      throw new ImageError("vhdx", "ERR_UNSUPPORTED_FEATURE", message, { field: "log", rule });
    }
    const end = offset + length;
    for (const page of this.#pages.keys()) if (page * PAGE >= offset && page * PAGE < end) this.#pages.delete(page);
    this.#zeroed.push({ begin: offset, end });
    this.growTo(end);
  }

  protected async doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const present = Math.max(0, Math.min(target.length, this.#file.size - offset));
    if (present > 0) await this.#file.read(target.subarray(0, present), offset, { signal });
    target.fill(0, present);
    for (const { begin, end } of this.#zeroed) {
      if (begin < offset + target.length && end > offset) target.fill(0, Math.max(0, begin - offset), end - offset);
    }
    const last = Math.floor((offset + target.length - 1) / PAGE);
    for (let page = Math.floor(offset / PAGE); page <= last; page++) {
      const bytes = this.#pages.get(page);
      if (!bytes) continue;
      const start = page * PAGE - offset;
      const part = bytes.subarray(Math.max(0, -start), target.length - start);
      target.set(part, Math.max(0, start));
    }
  }

  protected override async doClose(): Promise<void> {
    await this.#file.close();
  }
}
