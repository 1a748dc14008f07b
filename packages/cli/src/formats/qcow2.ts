import { Qcow2Image } from "@instar/qcow2";
import { CliError } from "../errors.js";
import type { OpenFormat } from "./driver.js";

/** Opens a qcow2 image. */
export const openQcow2: OpenFormat = async (file, how) => {
  const { write, backing, depth, openReferenced, passphrase, caches, signal } = how;
  if (passphrase) throw new CliError("encrypt.key-secret: encrypted images are not supported");
  const qcow2 = await Qcow2Image.open(file, { write, backing, depth, openReferenced, caches, signal });
  return { disk: qcow2, qcow2 };
};
