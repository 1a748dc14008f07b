import { alignUp, viewOf } from "./bytes.js";
import type { PlannedWrite } from "./create-layout.js";
import type { Qcow2Header } from "./header.js";
import { encodeHeader, encodeHeaderFields } from "./header-encode.js";
import { EXTENSION, encodeExtensions, extensionsLength } from "./header-extensions.js";

/** What is written as one, whatever happens. */
const SECTOR = 512;

/**
 * How to take a header cluster to another content, so that it is one of both whenever the power is cut: writes, each of
 * which must be durable before the next.
 *
 * Where more than one sector changes, a complete copy of extensions and name is written behind both contents first;
 * then the first sector switches to it, stepping over all between with an extension that only fills. Nobody reads what
 * lies under it, so that what belongs there can be written, and then the first sector as it is to stay. Where the
 * cluster has no room for a copy (some of 1 and 2 KiB), it is written in one request.
 *
 * @param present the header cluster as it is in the file, or as much of it as there is
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` when the next content does not fit into the header cluster
 */
export function headerSteps(present: Uint8Array, next: Qcow2Header, where: string): PlannedWrite[] {
  const clusterSize = 2 ** next.clusterBits;
  const content = encodeHeader(next, where);
  const end = alignUp(Math.max(usedLength(present), content.byteLength), SECTOR);
  const bytes = new Uint8Array(end);
  bytes.set(content);
  const changed = sectors(bytes).filter(({ offset, bytes: sector }) => !isSame(sector, present.subarray(offset)));
  if (changed.length <= 1) return changed;
  const copy = copyAt(end, next);
  const filler = next.headerLength + 8;
  if (end + copy.bytes.byteLength > clusterSize || filler > SECTOR) return [{ offset: 0, bytes }];

  const first = new Uint8Array(SECTOR);
  const nameOffset = next.backingFileName.byteLength === 0 ? 0 : end + extensionsLength(next.extensions);
  first.set(encodeHeaderFields({ ...next, backingFileOffset: nameOffset }));
  viewOf(first).setUint32(next.headerLength, EXTENSION.filler);
  viewOf(first).setUint32(next.headerLength + 4, end - filler);
  return [
    copy,
    { offset: 0, bytes: first },
    { offset: SECTOR, bytes: bytes.subarray(SECTOR) },
    { offset: 0, bytes: bytes.subarray(0, SECTOR) },
    { offset: end, bytes: new Uint8Array(copy.bytes.byteLength) },
  ];
}

/** Extensions and name, to stand at an offset. */
function copyAt(offset: number, header: Qcow2Header): PlannedWrite {
  const length = extensionsLength(header.extensions);
  const bytes = new Uint8Array(alignUp(length + header.backingFileName.byteLength, SECTOR));
  encodeExtensions(header.extensions, bytes, 0);
  bytes.set(header.backingFileName, length);
  return { offset, bytes };
}

function usedLength(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

function sectors(bytes: Uint8Array): PlannedWrite[] {
  return Array.from({ length: bytes.byteLength / SECTOR }, (_, index) => ({
    offset: index * SECTOR,
    bytes: bytes.subarray(index * SECTOR, (index + 1) * SECTOR),
  }));
}

function isSame(sector: Uint8Array, present: Uint8Array): boolean {
  return sector.every((byte, index) => byte === (present[index] ?? 0));
}
