import { checkEncryptionArea } from "./encryption-area.js";
import { ruleError } from "./errors.js";
import { hasDataFile, INCOMPATIBLE } from "./features.js";
import {
  geometryOf,
  MAX_L1_BYTES,
  MAX_REFCOUNT_ORDER,
  MAX_REFCOUNT_TABLE_BYTES,
  maxGuestSize,
  MIN_EXTENDED_CLUSTER_BITS,
} from "./geometry.js";
import type { Qcow2Header } from "./header.js";

/** Most snapshots an image may have; the limit that QEMU sets. */
export const MAX_SNAPSHOTS = 65536;
/** Least bytes of an entry of the snapshot table. */
const SNAPSHOT_ENTRY = 40;

/** What the rules need to know besides the header. */
export interface HeaderSurroundings {
  /** Size of the file in bytes. */
  readonly fileSize: number;
  readonly compressionType: number;
  /** Whether the image is to be repaired. */
  readonly repair: boolean;
}

/**
 * Checks what the fields of a header say against the format and against the file.
 *
 * @throws {@link Qcow2Error} `ERR_INVALID_HEADER`, `ERR_TRUNCATED`
 */
export function checkHeader(where: string, header: Qcow2Header, around: HeaderSurroundings): void {
  checkCompression(where, header, around);
  const { refcountOrder, clusterBits, size } = header;
  if (refcountOrder > MAX_REFCOUNT_ORDER) {
    throw ruleError("ERR_INVALID_HEADER", where, "refcount_order", refcountOrder, `at most ${MAX_REFCOUNT_ORDER}`);
  }
  const extendedL2 = (header.features.incompatible & INCOMPATIBLE.extendedL2) !== 0n;
  if (extendedL2 && clusterBits < MIN_EXTENDED_CLUSTER_BITS) {
    const rule = `at least ${MIN_EXTENDED_CLUSTER_BITS} with extended L2 entries`;
    throw ruleError("ERR_INVALID_HEADER", where, "cluster_bits", clusterBits, rule);
  }
  const most = maxGuestSize({ clusterBits, extendedL2 });
  if (size > most) {
    throw ruleError("ERR_INVALID_HEADER", where, "size", size, `at most ${most}, which the largest L1 table maps`);
  }
  checkL1(where, header, geometryOf({ ...header, extendedL2 }).l1Entries, around.fileSize);
  checkRefcountTable(where, header, around);
  checkSnapshots(where, header, around.fileSize);
  if (hasDataFile(header) && header.snapshotCount > 0) {
    const rule = "0 with an external data file";
    throw ruleError("ERR_INVALID_HEADER", where, "nb_snapshots", header.snapshotCount, rule);
  }
  checkOverlap(where, header);
  checkEncryptionArea(where, header, around.fileSize);
}

function checkCompression(where: string, header: Qcow2Header, around: HeaderSurroundings): void {
  const { compressionType } = around;
  const flagged = (header.features.incompatible & INCOMPATIBLE.compressionType) !== 0n;
  if (compressionType !== Number(flagged)) {
    const rule = flagged
      ? "1 (zstd) with the incompatible feature bit 3"
      : "0 (zlib) without the incompatible feature bit 3";
    throw ruleError("ERR_INVALID_HEADER", where, "compression_type", compressionType, rule);
  }
}

function checkL1(where: string, header: Qcow2Header, l1Entries: number, fileSize: number): void {
  const most = MAX_L1_BYTES / 8;
  if (header.l1Size < l1Entries || header.l1Size > most) {
    const rule = `${l1Entries} (which the size ${header.size} needs) to ${most}`;
    throw ruleError("ERR_INVALID_HEADER", where, "l1_size", header.l1Size, rule);
  }
  if (header.l1Size > 0)
    checkTable(where, header, fileSize, "l1_table_offset", header.l1TableOffset, header.l1Size * 8);
}

function checkRefcountTable(where: string, header: Qcow2Header, { fileSize, repair }: HeaderSurroundings): void {
  const { refcountTableClusters: clusters, clusterBits } = header;
  const most = Math.floor(MAX_REFCOUNT_TABLE_BYTES / 2 ** clusterBits);
  if ((clusters < 1 && !repair) || clusters > most) {
    throw ruleError("ERR_INVALID_HEADER", where, "refcount_table_clusters", clusters, `1 to ${most}`);
  }
  const bytes = clusters * 2 ** clusterBits;
  const end = repair ? Infinity : fileSize;
  checkTable(where, header, end, "refcount_table_offset", header.refcountTableOffset, bytes);
}

function checkSnapshots(where: string, header: Qcow2Header, fileSize: number): void {
  const { snapshotCount, snapshotsOffset } = header;
  if (snapshotCount > MAX_SNAPSHOTS) {
    throw ruleError("ERR_INVALID_HEADER", where, "nb_snapshots", snapshotCount, `at most ${MAX_SNAPSHOTS}`);
  }
  if (snapshotCount > 0) {
    checkTable(where, header, fileSize, "snapshots_offset", snapshotsOffset, snapshotCount * SNAPSHOT_ENTRY);
  }
}

/** A table begins at a cluster behind the header and ends inside the file. */
function checkTable(
  where: string,
  header: Qcow2Header,
  fileSize: number,
  field: string,
  offset: number,
  bytes: number,
): void {
  const clusterSize = 2 ** header.clusterBits;
  if (offset % clusterSize !== 0 || offset < clusterSize) {
    const rule = `a multiple of the cluster size ${clusterSize}, behind the header`;
    throw ruleError("ERR_INVALID_HEADER", where, field, offset, rule);
  }
  if (offset + bytes > fileSize) {
    const rule = `such that its ${bytes} bytes lie inside the file of ${fileSize} bytes`;
    throw ruleError("ERR_TRUNCATED", where, field, offset, rule);
  }
}

function checkOverlap(where: string, header: Qcow2Header): void {
  const l1End = header.l1TableOffset + header.l1Size * 8;
  const refcountTableEnd = header.refcountTableOffset + header.refcountTableClusters * 2 ** header.clusterBits;
  if (header.l1TableOffset < refcountTableEnd && header.refcountTableOffset < l1End) {
    const rule = `outside the refcount table (${header.refcountTableOffset} to ${refcountTableEnd})`;
    throw ruleError("ERR_INVALID_HEADER", where, "l1_table_offset", header.l1TableOffset, rule);
  }
}
