import { isQcow2Error, Qcow2Image } from "@instar/qcow2";
import { CliError } from "../errors.js";
import type { OpenFormat } from "./driver.js";

/** Opens a qcow2 image. */
export const openQcow2: OpenFormat = async (file, how) => {
  const { write, copyOnRead, backing, depth, openReferenced, passphrase, metadataOnly, caches, signal } = how;
  const encryption = metadataOnly || !passphrase ? undefined : { passphrase };
  const options = { write, copyOnRead, backing, depth, openReferenced, encryption, metadataOnly, caches, signal };
  const qcow2 = await Qcow2Image.open(file, options).catch((error: unknown) => {
    if (!isQcow2Error(error, "ERR_ENCRYPTED")) throw error;
    throw new CliError(`${error.message}: --image-opts with encrypt.key-secret=ID, and --object, open it`, {
      cause: error,
    });
  });
  return { disk: qcow2, qcow2 };
};
