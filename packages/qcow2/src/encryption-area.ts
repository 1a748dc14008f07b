import type { Backend } from "@instar/backend";
import type { LuksArea } from "@instar/luks";

import { readU64, viewOf } from "./bytes.js";
import { ruleError } from "./errors.js";
import type { Qcow2Header } from "./header.js";
import { EXTENSION, findExtension } from "./header-extensions.js";

/** A part of the file. */
export interface FileRange {
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** Most that a LUKS header with its key material may take: that of QEMU takes 2 MiB. */
const MAX_LENGTH = 64 * 1024 * 1024;

/**
 * Where the LUKS header with its key material lies; `undefined` where the image has none. Specification: "Full disk
 * encryption header pointer".
 */
export function encryptionArea({ cryptMethod, extensions }: Qcow2Header): FileRange | undefined {
  if (cryptMethod !== 2) return undefined;
  const data = findExtension(extensions, EXTENSION.encryption);
  if (data === undefined || data.byteLength < 16) return undefined;
  return { offset: readU64(viewOf(data), 0), length: readU64(viewOf(data), 8) };
}

/** @throws {@link Qcow2Error} `ERR_INVALID_HEADER`, `ERR_TRUNCATED` */
export function checkEncryptionArea(where: string, header: Qcow2Header, fileSize: number): void {
  if (header.cryptMethod !== 2) return;
  const area = encryptionArea(header);
  if (!area) {
    const rule = "accompanied by the header extension that says where the LUKS header is";
    throw ruleError("ERR_INVALID_HEADER", where, "crypt_method", 2, rule);
  }
  const { offset, length } = area;
  const clusterSize = 2 ** header.clusterBits;
  if (!Number.isSafeInteger(offset) || offset % clusterSize !== 0 || offset < clusterSize) {
    const rule = `a multiple of the cluster size ${clusterSize}, behind the header`;
    throw ruleError("ERR_INVALID_HEADER", where, "offset of the encryption header", offset, rule);
  }
  if (!(length > 0 && length <= MAX_LENGTH)) {
    const rule = `1 to ${MAX_LENGTH}`;
    throw ruleError("ERR_INVALID_HEADER", where, "length of the encryption header", length, rule);
  }
  // A file may end inside its last cluster.
  if (offset + length > Math.ceil(fileSize / clusterSize) * clusterSize) {
    const rule = `such that its ${length} bytes lie inside the file of ${fileSize} bytes`;
    throw ruleError("ERR_TRUNCATED", where, "offset of the encryption header", offset, rule);
  }
  for (const [what, begin, bytes] of [
    ["L1 table", header.l1TableOffset, header.l1Size * 8],
    ["refcount table", header.refcountTableOffset, header.refcountTableClusters * clusterSize],
  ] as const) {
    if (offset >= begin + bytes || begin >= offset + length) continue;
    const rule = `outside the ${what} (${begin} to ${begin + bytes})`;
    throw ruleError("ERR_INVALID_HEADER", where, "offset of the encryption header", offset, rule);
  }
}

/** The LUKS header as if it were a file of its own. */
export function luksAreaOf(
  file: Pick<Backend, "read" | "write" | "sync"> & { readonly size: number },
  { offset, length }: FileRange,
): LuksArea {
  return {
    size: Math.min(length, file.size - offset),
    read: (target, at, options) => file.read(target, offset + at, options),
    write: (source, at, options) => file.write(source, offset + at, options),
    sync: (options) => file.sync(options),
  };
}

/** The data of the header extension. */
export function encodeEncryptionArea({ offset, length }: FileRange): Uint8Array {
  const data = new Uint8Array(16);
  viewOf(data).setBigUint64(0, BigInt(offset));
  viewOf(data).setBigUint64(8, BigInt(length));
  return data;
}
