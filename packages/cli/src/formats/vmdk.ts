import { type VmdkExtentInfo, VmdkImage } from "@instar/vmdk";
import type { Described, Detail } from "./described.js";
import type { OpenFormat } from "./driver.js";

/** Content ID that stands for "no parent". */
const NO_PARENT = 0xffffffff;

/** Opens a VMDK, its extents and its parent. */
export const openVmdk: OpenFormat = async (file, { backing, depth, openReferenced, placeOf, signal }) => {
  const disk = await VmdkImage.open(file, { backing, depth, openReferenced, signal });
  const nameOf = ({ name }: VmdkExtentInfo): string =>
    name === undefined ? file.name : placeOf({ kind: "extent", name, format: "raw" });
  return { disk, described: describe(disk, nameOf) };
};

function describe(disk: VmdkImage, nameOf: (extent: VmdkExtentInfo) => string): Described {
  const { createType, contentId, parentContentId = NO_PARENT, parentName, grainSize, extents } = disk.info();
  const data = {
    cid: contentId,
    "parent-cid": parentContentId,
    "create-type": createType,
    extents: extents.map((extent) => extentDetail(extent, nameOf(extent))),
  };
  const named = parentContentId !== NO_PARENT && parentName !== undefined;
  return {
    clusterSize: grainSize,
    specific: { type: "vmdk", data },
    backing: named ? { name: parentName, format: "vmdk" } : undefined,
  };
}

function extentDetail({ type, size, grainSize, compressed }: VmdkExtentInfo, filename: string): Detail {
  return {
    ...(compressed && { compressed }),
    "virtual-size": size,
    filename,
    ...(grainSize !== undefined && { "cluster-size": grainSize }),
    format: type ?? "",
  };
}
