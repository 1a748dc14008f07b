import { type Backend, BackendError, BaseBackend, type Capabilities } from "@instar/backend";

import { ruleError } from "./errors.js";
import { formatLuks, type LuksFormatOptions } from "./format.js";
import type { LuksHeader } from "./header.js";
import { readLuksHeader, unlock, type UnlockOptions } from "./key-slots.js";
import type { SectorCipher } from "./sector-cipher.js";
import { SECTOR } from "./sizes.js";

/** How to open a disk. */
export interface LuksOpenOptions extends Omit<UnlockOptions, "passphrase"> {
  /** The bytes of the passphrase, exactly. Without it only the header and the size can be asked for. */
  readonly passphrase?: Uint8Array | undefined;
  /** To be written to; defaults to `false`. */
  readonly write?: boolean | undefined;
}

/** What a new disk is to be. */
export interface LuksCreateOptions extends LuksFormatOptions {
  /** Bytes, a multiple of 512. */
  readonly size: number;
}

/** So many bytes of zeroes are written at once where a disk grows. */
const ZEROES = 262_144;

/**
 * A disk in a file that begins with a LUKS header: behind it sector follows sector, each encrypted by itself.
 *
 * It owns the backend that holds the file: closing it closes that.
 */
export class LuksDisk extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** As it was when the disk was opened. */
  readonly header: LuksHeader;
  readonly #file: Backend;
  readonly #cipher: SectorCipher | undefined;
  #size: number;
  /** The last of the writes of parts of sectors, which wait for each other: two of them may be of one sector. */
  #partial: Promise<void> = Promise.resolve();

  private constructor(file: Backend, header: LuksHeader, cipher: SectorCipher | undefined, write: boolean) {
    super();
    this.name = file.name;
    this.header = header;
    this.#file = file;
    this.#cipher = cipher;
    const behind = file.size - header.payloadOffset;
    this.#size = behind - (behind % SECTOR);
    this.capabilities = {
      write,
      grow: false,
      truncate: write && file.capabilities.truncate,
      // What is to read as zeroes is no zeroes in the file, and what is a hole there does not read as any.
      writeZeroes: false,
      discard: false,
      allocate: false,
      extents: false,
      durable: file.capabilities.durable,
    };
  }

  /**
   * Opens a disk. Where it fails, `file` stays open and the caller's.
   *
   * @throws {@link LuksError} `ERR_NOT_LUKS`, `ERR_INVALID_HEADER`, `ERR_WRONG_PASSPHRASE` and what else {@link unlock}
   *   throws; `BackendError` `ERR_READ_ONLY` for writing what is open read-only
   */
  static async open(file: Backend, options: LuksOpenOptions = {}): Promise<LuksDisk> {
    const { passphrase, write = false, signal } = options;
    if (write && !file.capabilities.write) throw new BackendError("ERR_READ_ONLY", `${file.name}: is open read-only`);
    const { header, cipher }: { header: LuksHeader; cipher?: SectorCipher } =
      passphrase === undefined
        ? { header: await readLuksHeader(file, { signal }) }
        : await unlock(file, { ...options, passphrase });
    if (header.payloadOffset > file.size) {
      const rule = `at most the ${file.size} bytes of the file`;
      throw ruleError("ERR_INVALID_HEADER", "payload offset", header.payloadOffset, rule);
    }
    return new LuksDisk(file, header, cipher, write && cipher !== undefined);
  }

  /**
   * Makes a disk, in place of what the file holds. What the disk holds is noise until it is written: zeroes of the file,
   * decrypted.
   *
   * @throws {@link LuksError} as {@link formatLuks} does; what writing the file throws
   */
  static async create(file: Backend, options: LuksCreateOptions): Promise<LuksDisk> {
    const { size, signal } = options;
    if (!Number.isSafeInteger(size) || size < 0 || size % SECTOR !== 0) {
      throw ruleError("ERR_INVALID_OPTION", "size", size, `a multiple of ${SECTOR}`);
    }
    const { header, bytes, cipher } = await formatLuks(options);
    await file.truncate(0, { signal });
    await file.truncate(header.payloadOffset + size, { signal });
    await file.write(bytes, 0, { signal });
    return new LuksDisk(file, header, cipher, true);
  }

  get size(): number {
    return this.#size;
  }

  protected override async doRead(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    const { first, before, length } = sectorsOf(target, offset);
    if (length === target.byteLength) return this.#readSectors(target, first, signal);
    const sectors = new Uint8Array(length);
    await this.#readSectors(sectors, first, signal);
    target.set(sectors.subarray(before, before + target.byteLength));
  }

  protected override async doWrite(source: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    const { first, before, length } = sectorsOf(source, offset);
    // The source is the caller's, and stays as it is.
    const sectors = new Uint8Array(length);
    if (length === source.byteLength) {
      sectors.set(source);
      return this.#writeSectors(sectors, first, signal);
    }
    const write = this.#partial.then(async () => {
      const last = sectors.subarray(-SECTOR);
      if (before > 0) await this.#readSectors(sectors.subarray(0, SECTOR), first, signal);
      // The only sector there is may have been read.
      if (before === 0 || length > SECTOR) await this.#readSectors(last, first + length / SECTOR - 1, signal);
      sectors.set(source, before);
      await this.#writeSectors(sectors, first, signal);
    });
    this.#partial = write.catch(() => {});
    return write;
  }

  protected override async doTruncate(size: number, signal?: AbortSignal): Promise<void> {
    if (size % SECTOR !== 0) {
      throw new BackendError("ERR_RANGE", `${this.name}: truncate to ${size}, must be a multiple of ${SECTOR}`);
    }
    const old = this.#size;
    await this.#file.truncate(this.header.payloadOffset + size, { signal });
    for (let at = old; at < size; at += ZEROES) {
      await this.#writeSectors(new Uint8Array(Math.min(ZEROES, size - at)), at / SECTOR, signal);
    }
    this.#size = size;
  }

  protected override async doSync(signal?: AbortSignal): Promise<void> {
    await this.#file.sync({ signal });
  }

  protected override async doClose(): Promise<void> {
    await this.#file.close();
  }

  async #readSectors(target: Uint8Array, first: number, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#cipher) throw new BackendError("ERR_PERMISSION", `${this.name}: was opened without its passphrase`);
    await this.#file.read(target, this.header.payloadOffset + first * SECTOR, { signal });
    this.#cipher.decrypt(target, first);
  }

  /** Writes sectors, which become what is written. */
  async #writeSectors(sectors: Uint8Array, first: number, signal: AbortSignal | undefined): Promise<void> {
    this.#cipher?.encrypt(sectors, first);
    await this.#file.write(sectors, this.header.payloadOffset + first * SECTOR, { signal });
  }
}

/** The sectors that a range lies in: the first one, how much of it is before the range, and bytes of all. */
function sectorsOf(range: Uint8Array, offset: number): { first: number; before: number; length: number } {
  const before = offset % SECTOR;
  const length = Math.ceil((before + range.byteLength) / SECTOR) * SECTOR;
  return { first: (offset - before) / SECTOR, before, length };
}
