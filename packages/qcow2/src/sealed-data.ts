import type { DirectWrites } from "@instar/lru-cache";

import type { GuestCipher } from "./guest-cipher.js";
import type { GuestData } from "./guest-data.js";
import { RangeLocks } from "./range-locks.js";

/** The unit of encryption. */
const SECTOR = 512;

/** Guest data that is stored encrypted, sector by sector. */
export class SealedData implements GuestData {
  readonly blankIsZero: boolean = false;
  readonly uncompressible: string = "its data encrypted";
  readonly #stored: GuestData;
  readonly #key: GuestCipher;
  /** Of sectors that are written in part. */
  readonly #locks = new RangeLocks();

  constructor(stored: GuestData, key: GuestCipher) {
    this.#stored = stored;
    this.#key = key;
  }

  get name(): string {
    return this.#stored.name;
  }

  get end(): number {
    return this.#stored.end;
  }

  get writes(): DirectWrites {
    return this.#stored.writes;
  }

  async read(target: Uint8Array, hostOffset: number, guestOffset: number, signal?: AbortSignal): Promise<void> {
    const before = hostOffset % SECTOR;
    const length = Math.ceil((before + target.byteLength) / SECTOR) * SECTOR;
    if (length === target.byteLength) return this.#readWhole(target, hostOffset, guestOffset, signal);
    const sectors = new Uint8Array(length);
    await this.#readWhole(sectors, hostOffset - before, guestOffset - before, signal);
    target.set(sectors.subarray(before, before + target.byteLength));
  }

  async write(source: Uint8Array, hostOffset: number, guestOffset: number): Promise<void> {
    const before = hostOffset % SECTOR;
    const length = Math.ceil((before + source.byteLength) / SECTOR) * SECTOR;
    // The source is the caller's, and stays as it is.
    const sectors = new Uint8Array(length);
    sectors.set(source, before);
    const [host, guest] = [hostOffset - before, guestOffset - before];
    if (length === source.byteLength) return this.#writeWhole(sectors, host, guest);
    // Somebody else may be writing the rest of the first sector, or of the last.
    const lock = await this.#locks.acquire(host / SECTOR, (host + length) / SECTOR - 1);
    try {
      const last = length - SECTOR;
      const behind = length - before - source.byteLength;
      if (before > 0) await this.#fill(sectors, 0, before, host, guest);
      if (behind > 0) await this.#fill(sectors, length - behind, length, host + last, guest + last);
      await this.#writeWhole(sectors, host, guest);
    } finally {
      lock.release();
    }
  }

  sync(): Promise<void> {
    return this.#stored.sync();
  }

  /** Fills what is not written of a sector, which begins at the offsets, with what is there. */
  async #fill(sectors: Uint8Array, begin: number, end: number, host: number, guest: number): Promise<void> {
    const sector = new Uint8Array(SECTOR);
    await this.#readWhole(sector, host, guest);
    sectors.set(sector.subarray(begin % SECTOR, (begin % SECTOR) + end - begin), begin);
  }

  async #readWhole(target: Uint8Array, host: number, guest: number, signal?: AbortSignal): Promise<void> {
    await this.#stored.read(target, host, guest, signal);
    this.#key.cipher.decrypt(target, (this.#key.by === "host" ? host : guest) / SECTOR);
  }

  /** Writes sectors, which become what is written. */
  #writeWhole(sectors: Uint8Array, host: number, guest: number): Promise<void> {
    this.#key.cipher.encrypt(sectors, (this.#key.by === "host" ? host : guest) / SECTOR);
    return this.#stored.write(sectors, host, guest);
  }
}
