import { alignUp, viewOf, writeU64 } from "./bytes.js";
import { ruleError } from "./errors.js";
import { MAGIC, type Qcow2Header, V3_LENGTH } from "./header.js";
import { encodeExtensions, extensionsLength } from "./header-extensions.js";

/**
 * The fields of the header: what to write at offset 0 to change an image in place. It leaves extensions and the name
 * of the backing file as they stand in the file. At most `headerLength` bytes; unknown fields are kept.
 */
export function encodeHeaderFields(header: Qcow2Header): Uint8Array {
  const bytes = new Uint8Array(header.headerLength);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC);
  view.setUint32(4, header.version);
  writeU64(view, 8, header.backingFileOffset);
  view.setUint32(16, header.backingFileName.byteLength);
  view.setUint32(20, header.clusterBits);
  writeU64(view, 24, header.size);
  view.setUint32(32, header.cryptMethod);
  view.setUint32(36, header.l1Size);
  writeU64(view, 40, header.l1TableOffset);
  writeU64(view, 48, header.refcountTableOffset);
  view.setUint32(56, header.refcountTableClusters);
  view.setUint32(60, header.snapshotCount);
  writeU64(view, 64, header.snapshotsOffset);
  if (header.version === 2) return bytes;
  view.setBigUint64(72, header.features.incompatible);
  view.setBigUint64(80, header.features.compatible);
  view.setBigUint64(88, header.features.autoclear);
  view.setUint32(96, header.refcountOrder);
  view.setUint32(100, header.headerLength);
  if (header.headerLength > V3_LENGTH) view.setUint8(V3_LENGTH, header.compressionType === "zstd" ? 1 : 0);
  bytes.set(header.unknownFields, V3_LENGTH + 1);
  return bytes;
}

/**
 * The whole header: fields, extensions, and behind them the name of the backing file, at an offset that may differ from
 * `backingFileOffset`. Unknown fields, extensions and feature bits are written as they were read.
 *
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` when it does not fit into the header cluster
 */
export function encodeHeader(header: Qcow2Header, where: string): Uint8Array {
  const clusterSize = 2 ** header.clusterBits;
  const nameOffset = header.headerLength + extensionsLength(header.extensions);
  const length = nameOffset + header.backingFileName.byteLength;
  if (length > clusterSize) {
    const rule = `at most the cluster size ${clusterSize}`;
    throw ruleError("ERR_INVALID_OPTION", where, "length of the header with extensions and names", length, rule);
  }
  const backingFileOffset = header.backingFileName.byteLength === 0 ? 0 : nameOffset;
  const bytes = new Uint8Array(alignUp(length, 8));
  bytes.set(encodeHeaderFields({ ...header, backingFileOffset }));
  encodeExtensions(header.extensions, bytes, header.headerLength);
  bytes.set(header.backingFileName, nameOffset);
  return bytes;
}
