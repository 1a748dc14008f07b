import { VhdxImage } from "@instar/vhdx";
import type { OpenFormat } from "./driver.js";

/** Opens an image of Hyper-V. */
export const openVhdx: OpenFormat = async (file, { backing, depth, openReferenced, signal }) => {
  const disk = await VhdxImage.open(file, {
    backing,
    depth,
    // A parent is of the same format, whatever is in it.
    openReferenced: (reference, call) => openReferenced({ ...reference, format: "vhdx" }, call),
    signal,
  });
  const { blockSize, parentNames } = disk.info();
  const [name] = parentNames;
  return {
    disk,
    described: { clusterSize: blockSize, backing: name === undefined ? undefined : { name, format: "vhdx" } },
  };
};
