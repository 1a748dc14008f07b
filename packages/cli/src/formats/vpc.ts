import { VhdImage } from "@instar/vhd";
import type { OpenFormat } from "./driver.js";

/** Opens a VHD. */
export const openVpc: OpenFormat = async (file, { backing, depth, openReferenced, signal }) => {
  const disk = await VhdImage.open(file, {
    backing,
    depth,
    // A parent is of the same format, and may be a fixed image, which nothing at its beginning tells.
    openReferenced: (reference, call) => openReferenced({ ...reference, format: "vpc" }, call),
    signal,
  });
  const { blockSize, parentNames } = disk.info();
  const [name] = parentNames;
  return {
    disk,
    described: { clusterSize: blockSize, backing: name === undefined ? undefined : { name, format: "vpc" } },
  };
};
