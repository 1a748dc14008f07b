import type { CallOptions } from "@instar/backend";
import type { AddPassphraseOptions, LuksArea, LuksHeader, RemovePassphraseOptions } from "@instar/luks";

import type { Encryption } from "./encryption.js";
import { encryptionArea, luksAreaOf } from "./encryption-area.js";
import { Qcow2Error } from "./errors.js";
import { loadLuks, type Luks, luksFailure } from "./guest-cipher.js";
import type { ImageHost } from "./image-host.js";

/** Does what {@link Encryption} promises. */
export class ImageEncryption implements Encryption {
  readonly #host: ImageHost;

  constructor(host: ImageHost) {
    this.#host = host;
  }

  luksHeader(options: CallOptions = {}): Promise<LuksHeader> {
    return this.#attempt((area, luks) => luks.readLuksHeader(area, options));
  }

  addPassphrase(options: AddPassphraseOptions): Promise<number> {
    return this.#change((area, luks) => luks.addPassphrase(area, options));
  }

  removePassphrase(options: RemovePassphraseOptions): Promise<readonly number[]> {
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
