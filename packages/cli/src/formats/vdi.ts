import { VdiImage } from "@instar/vdi";
import type { OpenFormat } from "./driver.js";

/** Opens an image of VirtualBox. */
export const openVdi: OpenFormat = async (file, { signal }) => {
  const disk = await VdiImage.open(file, { signal });
  return { disk, described: { clusterSize: disk.info().blockSize } };
};
