import type { CallOptions } from "@instar/backend";
import type { AddPassphraseOptions, LuksHeader, RemovePassphraseOptions } from "@instar/luks";

/**
 * The encryption of an image, with the passphrases of its LUKS header. Changing them leaves the key of the data as it is,
 * and waits for all requests under way.
 */
export interface Encryption {
  /**
   * Reads the LUKS header: the cipher, and which key slots are in use.
   *
   * @throws {@link Qcow2Error} `ERR_UNSUPPORTED_FEATURE` for a cipher that is not there, and where the encryption is not
   *   LUKS; `ERR_INVALID_HEADER`
   */
  luksHeader(options?: CallOptions): Promise<LuksHeader>;

  /**
   * Adds a passphrase to a free key slot. Stopped anywhere, it leaves the passphrases there were, or the new one too.
   *
   * @returns the number of the key slot
   * @throws {@link Qcow2Error} `ERR_WRONG_PASSPHRASE`; `ERR_INVALID_OPTION` where no slot is free
   */
  addPassphrase(options: AddPassphraseOptions): Promise<number>;

  /**
   * Removes a passphrase, and overwrites its key material.
   *
   * @returns the numbers of the key slots that it has cleared
   * @throws {@link Qcow2Error} `ERR_WRONG_PASSPHRASE`; `ERR_INVALID_OPTION` where no other would be left
   */
  removePassphrase(options: RemovePassphraseOptions): Promise<readonly number[]>;
}
