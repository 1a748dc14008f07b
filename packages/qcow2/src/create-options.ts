import { Qcow2Error, ruleError } from "./errors.js";
import type { CompressionType } from "./header.js";
import {
  MAX_CLUSTER_BITS,
  MAX_REFCOUNT_ORDER,
  maxGuestSize,
  MIN_CLUSTER_BITS,
  MIN_EXTENDED_CLUSTER_BITS,
} from "./geometry.js";
import type { Preallocation } from "./preallocate.js";

/** What a new image is to be. */
export interface CreateLayoutOptions {
  /** Guest size in bytes. */
  readonly size: number;
  /** Defaults to 3. */
  readonly version?: 2 | 3 | undefined;
  /** Bytes: a power of two from 512 to 2 MiB. Defaults to 65536. */
  readonly clusterSize?: number | undefined;
  /** 1, 2, 4, 8, 16, 32 or 64; version 2 has 16 only. Defaults to 16. */
  readonly refcountBits?: number | undefined;
  /**
   * Whether QEMU may leave refcounts out of date while it writes, and repair them where it was not closed; needs version
   * 3. Nothing here does: refcounts that are in order at every instant cost no more. Defaults to `false`.
   */
  readonly lazyRefcounts?: boolean | undefined;
  /** How compressed clusters are packed; `zstd` needs version 3. Defaults to `zlib`. */
  readonly compressionType?: CompressionType | undefined;
  /**
   * Whether L2 entries tell 32 subclusters of each cluster apart, so that a write to a fresh cluster copies less of what
   * surrounds it. Needs version 3 and clusters of 16 KiB at least. Defaults to `false`.
   */
  readonly extendedL2?: boolean | undefined;
  /** What is set aside for the disk at once; over a backing image only with `extendedL2`. Defaults to `off`. */
  readonly preallocation?: Preallocation | undefined;
  /** The image below: its name as the image will give it, and its format, such as `raw` or `qcow2`. */
  readonly backing?: { readonly name: string; readonly format: string } | undefined;
  /** The file that keeps guest data, if not the image; with `raw` it always is the disk as the guest sees it. */
  readonly dataFile?: { readonly name: string; readonly raw?: boolean | undefined } | undefined;
}

/** Options that keep all rules, with the names as bytes. */
export interface CheckedCreateOptions {
  readonly size: number;
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly refcountOrder: number;
  readonly compressionType: CompressionType;
  readonly extendedL2: boolean;
  readonly lazyRefcounts: boolean;
  readonly backing: { readonly name: Uint8Array; readonly format: Uint8Array | undefined } | undefined;
  readonly dataFile: { readonly name: Uint8Array; readonly raw: boolean } | undefined;
}

/** @throws {@link Qcow2Error} `ERR_INVALID_OPTION`, naming the option and its rule */
export function checkCreateOptions(options: CreateLayoutOptions, where: string): CheckedCreateOptions {
  const { size, version = 3, clusterSize = 65536, refcountBits = 16, backing, dataFile } = options;
  const { compressionType = "zlib", extendedL2 = false, lazyRefcounts = false, preallocation = "off" } = options;
  if (version !== 2 && version !== 3) throw invalid(where, "version", version, "2 or 3");
  const clusterBits = Math.log2(clusterSize);
  if (!Number.isInteger(clusterBits) || clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS) {
    const rule = `a power of two from ${2 ** MIN_CLUSTER_BITS} to ${2 ** MAX_CLUSTER_BITS}`;
    throw invalid(where, "clusterSize", clusterSize, rule);
  }
  const refcountOrder = Math.log2(refcountBits);
  if (!Number.isInteger(refcountOrder) || refcountOrder < 0 || refcountOrder > MAX_REFCOUNT_ORDER) {
    throw invalid(where, "refcountBits", refcountBits, `a power of two from 1 to ${2 ** MAX_REFCOUNT_ORDER}`);
  }
  if (version === 2 && refcountBits !== 16) throw invalid(where, "refcountBits", refcountBits, "16 in version 2");
  const compressions = version === 2 ? ["zlib"] : ["zlib", "zstd"];
  if (!compressions.includes(compressionType)) {
    const rule = version === 2 ? "zlib in version 2" : "zlib or zstd";
    throw invalid(where, "compressionType", compressionType, rule);
  }
  if (lazyRefcounts && version === 2) throw invalid(where, "lazyRefcounts", "true", "false in version 2");
  if (extendedL2 && (version === 2 || clusterBits < MIN_EXTENDED_CLUSTER_BITS)) {
    const rule = `false in version 2 and with clusters below ${2 ** MIN_EXTENDED_CLUSTER_BITS} bytes`;
    throw invalid(where, "extendedL2", "true", rule);
  }
  if (preallocation !== "off" && backing !== undefined && !extendedL2) {
    throw invalid(where, "preallocation", preallocation, "off over a backing image, unless L2 entries are extended");
  }
  const largest = maxGuestSize({ clusterBits, extendedL2 });
  if (!Number.isSafeInteger(size) || size < 0 || size > largest) {
    const rule = `an integer from 0 to ${largest}, the most that clusters of ${clusterSize} bytes can map`;
    throw invalid(where, "size", size, rule);
  }
  const names = backing === undefined ? undefined : encodeBacking(where, backing);
  const external = dataFile === undefined ? undefined : checkDataFile(where, dataFile, version, names !== undefined);
  const layout = { size, version, clusterBits, refcountOrder, compressionType, extendedL2, lazyRefcounts };
  return { ...layout, backing: names, dataFile: external };
}

/**
 * The bytes of the names of a backing file and of its format.
 *
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION`
 */
export function encodeBacking(
  where: string,
  backing: { readonly name: string; readonly format?: string | undefined },
): { name: Uint8Array; format: Uint8Array | undefined } {
  const name = encodeName(where, "backing.name", backing.name);
  if (backing.format === undefined) return { name, format: undefined };
  const format = new TextEncoder().encode(backing.format);
  if (format.byteLength < 1 || format.byteLength > 15 || format.includes(0)) {
    throw invalid(where, "backing.format", backing.format, "1 to 15 bytes of UTF-8 without a zero byte");
  }
  return { name, format };
}

function checkDataFile(
  where: string,
  dataFile: { readonly name: string; readonly raw?: boolean | undefined },
  version: number,
  backed: boolean,
): { name: Uint8Array; raw: boolean } {
  const { raw = false } = dataFile;
  if (version === 2) throw invalid(where, "dataFile", dataFile.name, "absent in version 2");
  if (raw && backed) throw invalid(where, "dataFile.raw", "true", "false beside a backing file");
  return { name: encodeName(where, "dataFile.name", dataFile.name), raw };
}

/**
 * The bytes of the name of a backing file or a data file.
 *
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION`
 */
export function encodeName(where: string, option: string, name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  if (bytes.byteLength >= 1 && bytes.byteLength <= 1023 && !bytes.includes(0)) return bytes;
  throw invalid(where, option, name, "1 to 1023 bytes of UTF-8 without a zero byte");
}

function invalid(where: string, option: string, value: number | string, rule: string): Qcow2Error {
  return ruleError("ERR_INVALID_OPTION", where, option, value, rule);
}
