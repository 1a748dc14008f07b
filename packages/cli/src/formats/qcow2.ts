import { Qcow2Image } from "@instar/qcow2";
import type { OpenFormat } from "./driver.js";

/** Opens a qcow2 image. */
export const openQcow2: OpenFormat = async (file, { write, backing, depth, openReferenced, signal }) => {
  const qcow2 = await Qcow2Image.open(file, { write, backing, depth, openReferenced, signal });
  return { disk: qcow2, qcow2 };
};
