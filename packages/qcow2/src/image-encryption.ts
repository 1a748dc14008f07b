import type { CallOptions } from "@instar/backend";
import type { AddPassphraseOptions, LuksArea, LuksHeader, RemovePassphraseOptions } from "@instar/luks";

import { encryptionArea, luksAreaOf } from "./encryption-area.js";
import { Qcow2Error } from "./errors.js";
import { loadLuks, type Luks, luksFailure } from "./guest-cipher.js";
import type { ImageHost } from "./image-host.js";

/**
 * The encryption of an image, with the passphrases of its LUKS header. Changing them leaves the key of the data as it is,
 * and waits for all requests under way.
 */
export class ImageEncryption {
  readonly #host: ImageHost;

  constructor(host: ImageHost) {
    this.#host = host;
  }

  /**
   * Reads the LUKS header: the cipher, and which key slots are in use.
   *
   * @throws {@link Qcow2Error} `ERR_UNSUPPORTED_FEATURE` for a cipher that is not there, and where the encryption is not
   *   LUKS; `ERR_INVALID_HEADER`
   */
  luksHeader(options: CallOptions = {}): Promise<LuksHeader> {
    return this.#attempt((area, luks) => luks.readLuksHeader(area, options));
  }

  /**
   * Adds a passphrase to a free key slot. Stopped anywhere, it leaves the passphrases there were, or the new one too.
   *
   * @returns the number of the key slot
   * @throws {@link Qcow2Error} `ERR_WRONG_PASSPHRASE`; `ERR_INVALID_OPTION` where no slot is free
   */
  addPassphrase(options: AddPassphraseOptions): Promise<number> {
    return this.#change((area, luks) => luks.addPassphrase(area, options));
  }

  /**
   * Removes a passphrase, and overwrites its key material.
   *
   * @returns the number of the key slot
   * @throws {@link Qcow2Error} `ERR_WRONG_PASSPHRASE`; `ERR_INVALID_OPTION` for the only one
   */
  removePassphrase(options: RemovePassphraseOptions): Promise<number> {
    return this.#change((area, luks) => luks.removePassphrase(area, options));
  }

  async #change<T>(work: (area: LuksArea, luks: Luks) => Promise<T>): Promise<T> {
    const { prepare, alone } = this.#host;
    await prepare();
    return alone(() => this.#attempt(work));
  }

  async #attempt<T>(work: (area: LuksArea, luks: Luks) => Promise<T>): Promise<T> {
    const { file, header } = this.#host.engine;
    const range = encryptionArea(header.current);
    if (!range) throw new Qcow2Error("ERR_UNSUPPORTED_FEATURE", `${file.name}: is not encrypted with LUKS`);
    const luks = await loadLuks();
    try {
      return await work(
        luksAreaOf(
          {
            size: file.size,
            read: (target, offset, options) => file.read(target, offset, options?.signal),
            write: (source, offset) => file.write(source, offset),
            sync: () => file.sync(),
          },
          range,
        ),
        luks,
      );
    } catch (error) {
      throw luksFailure(luks, error, file.name);
    }
  }
}
