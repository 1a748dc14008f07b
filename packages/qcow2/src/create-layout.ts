import type { Backend, CallOptions } from "@instar/backend";

import { type CheckedCreateOptions, checkCreateOptions, type CreateLayoutOptions } from "./create-options.js";
import { viewOf } from "./bytes.js";
import { extendFile } from "./extend-file.js";
import { encodeEncryptionArea, type FileRange } from "./encryption-area.js";
import {
  AUTOCLEAR,
  COMPATIBLE,
  encodeFeatureNames,
  type FeatureBits,
  INCOMPATIBLE,
  KNOWN_FEATURES,
} from "./features.js";
import { type Geometry, geometryOf } from "./geometry.js";
import { type Qcow2Header, V2_LENGTH } from "./header.js";
import { encodeHeader } from "./header-encode.js";
import { EXTENSION, type HeaderExtension } from "./header-extensions.js";
import { refcountCodec } from "./refcount-codec.js";
import { writeOffset } from "./table-entry.js";

/** Length of the version 3 header that QEMU writes: with the compression type and its padding. */
export const NEW_V3_LENGTH = 112;

/** Bytes that belong at an offset of the file. */
export interface PlannedWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A new image: what its file consists of. */
export interface ImagePlan {
  readonly header: Qcow2Header;
  /** The header cluster, to be written last. */
  readonly headerBytes: Uint8Array;
  /** Everything else that is not zero. */
  readonly tables: readonly PlannedWrite[];
  /** Where the LUKS header belongs. */
  readonly encryption: FileRange | undefined;
  /** Length of the file in bytes. */
  readonly length: number;
}

/**
 * Lays out a new image as QEMU does: header, refcount table, first refcount block, L1 table, and behind it the other
 * refcount blocks, where small clusters need any, and the LUKS header.
 *
 * @param encryptionBytes length of the LUKS header with its key material; 0 without one
 * @param where what to call the image in messages
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION`
 */
export function planImage(options: CreateLayoutOptions, where: string, encryptionBytes = 0): ImagePlan {
  const checked = checkCreateOptions(options, where);
  const { version, clusterBits, refcountOrder, compressionType, size, backing } = checked;
  const geometry = geometryOf(checked);
  const { clusterSize } = geometry;
  const { tableClusters, blocks, clusters } = countClusters(geometry, encryptionBytes);
  const firstBlock = 1 + tableClusters;
  const encryptionAt = clusters - Math.ceil(encryptionBytes / clusterSize);
  const otherBlocks = encryptionAt - (blocks - 1);
  const encryption =
    encryptionBytes === 0 ? undefined : { offset: encryptionAt * clusterSize, length: encryptionBytes };
  const headerLength = version === 2 ? V2_LENGTH : NEW_V3_LENGTH;
  const header: Qcow2Header = {
    version,
    clusterBits,
    size,
    l1Size: geometry.l1Entries,
    l1TableOffset: geometry.l1Entries === 0 ? 0 : (firstBlock + 1) * clusterSize,
    refcountTableOffset: clusterSize,
    refcountTableClusters: tableClusters,
    snapshotCount: 0,
    snapshotsOffset: 0,
    features: newFeatures(checked),
    cryptMethod: encryption ? 2 : 0,
    refcountOrder,
    compressionType,
    headerLength,
    unknownFields: new Uint8Array(version === 2 ? 0 : NEW_V3_LENGTH - 105),
    extensions: newExtensions(checked, clusterSize, encryption),
    backingFileOffset: 0,
    backingFileName: backing?.name ?? new Uint8Array(0),
  };
  const headerBytes = encodeHeader(header, where);

  const table = new Uint8Array(blocks * 8);
  for (let block = 0; block < blocks; block++) {
    const cluster = block === 0 ? firstBlock : otherBlocks + block - 1;
    writeOffset(viewOf(table), block * 8, cluster * clusterSize);
  }
  const refcounts = new Uint8Array(Math.ceil((clusters * geometry.refcountBits) / 8));
  const codec = refcountCodec(refcountOrder);
  for (let cluster = 0; cluster < clusters; cluster++) codec.set(refcounts, cluster, 1);
  const tables = [
    { offset: clusterSize, bytes: table },
    { offset: firstBlock * clusterSize, bytes: refcounts.subarray(0, clusterSize) },
  ];
  if (blocks > 1) tables.push({ offset: otherBlocks * clusterSize, bytes: refcounts.subarray(clusterSize) });
  return { header, headerBytes, tables, encryption, length: clusters * clusterSize };
}

/**
 * Makes an image of an empty file, or of one that may be emptied. The header comes last, after a sync: a create that
 * is cut short leaves nothing that could be taken for an image.
 *
 * @param luksHeader the LUKS header with its key material, where the image is to be encrypted
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION`, before anything is changed
 */
export async function createImageFile(
  file: Backend,
  options: CreateLayoutOptions,
  luksHeader?: Uint8Array,
  call?: CallOptions,
): Promise<Qcow2Header> {
  const plan = planImage(options, file.name, luksHeader?.byteLength);
  if (file.size > 0) await file.truncate(0, call);
  for (const { offset, bytes } of plan.tables) await file.write(bytes, offset, call);
  if (plan.encryption && luksHeader) await file.write(luksHeader, plan.encryption.offset, call);
  await extendFile(file, plan.length, call);
  await file.sync(call);
  await file.write(plan.headerBytes, 0, call);
  await file.sync(call);
  return plan.header;
}

/** How many clusters refcount table and refcount blocks take, which count themselves too. */
function countClusters(
  geometry: Geometry,
  encryptionBytes: number,
): { tableClusters: number; blocks: number; clusters: number } {
  const l1Clusters = Math.ceil((geometry.l1Entries * 8) / geometry.clusterSize);
  const encryptionClusters = Math.ceil(encryptionBytes / geometry.clusterSize);
  let tableClusters = 1;
  let blocks = 1;
  for (;;) {
    const clusters = 1 + tableClusters + blocks + l1Clusters + encryptionClusters;
    const blocksNeeded = Math.ceil(clusters / geometry.refcountsPerBlock);
    const tableNeeded = Math.ceil((blocksNeeded * 8) / geometry.clusterSize);
    if (blocksNeeded === blocks && tableNeeded === tableClusters) return { tableClusters, blocks, clusters };
    blocks = Math.max(blocks, blocksNeeded);
    tableClusters = Math.max(tableClusters, tableNeeded);
  }
}

function newFeatures({ compressionType, extendedL2, lazyRefcounts, dataFile }: CheckedCreateOptions): FeatureBits {
  let incompatible = 0n;
  if (compressionType === "zstd") incompatible |= INCOMPATIBLE.compressionType;
  if (extendedL2) incompatible |= INCOMPATIBLE.extendedL2;
  if (dataFile) incompatible |= INCOMPATIBLE.dataFile;
  return {
    incompatible,
    compatible: lazyRefcounts ? COMPATIBLE.lazyRefcounts : 0n,
    autoclear: dataFile?.raw === true ? AUTOCLEAR.rawExternalData : 0n,
  };
}

/** The extensions of a new image; feature names where the cluster has room for them beside any name, as QEMU does. */
function newExtensions(
  { version, backing, dataFile }: CheckedCreateOptions,
  clusterSize: number,
  encryption: FileRange | undefined,
): HeaderExtension[] {
  const extensions: HeaderExtension[] = [];
  if (backing?.format) extensions.push({ type: EXTENSION.backingFormat, data: backing.format });
  if (dataFile) extensions.push({ type: EXTENSION.dataFile, data: dataFile.name });
  if (encryption) extensions.push({ type: EXTENSION.encryption, data: encodeEncryptionArea(encryption) });
  if (version === 3 && clusterSize > 4096) {
    extensions.push({ type: EXTENSION.featureNames, data: encodeFeatureNames(KNOWN_FEATURES) });
  }
  return extensions;
}
