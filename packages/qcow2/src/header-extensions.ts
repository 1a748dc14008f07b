import { alignUp, viewOf } from "./bytes.js";
import { ruleError } from "./errors.js";

/** A header extension as it stands in the image; those nobody knows are kept as they are. */
export interface HeaderExtension {
  /** The type number. */
  readonly type: number;
  /** The data, without padding. */
  readonly data: Uint8Array;
}

/** Type numbers of header extensions. Specification: "Header extensions". */
export const EXTENSION = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
  encryption: 0x0537be77,
  dataFile: 0x44415441,
  /** Ours alone, and there for an instant only: what a header that is being rewritten has to step over. */
  filler: 0x696e7374,
} as const;

/**
 * Reads the extensions between two offsets of the header cluster.
 *
 * @param bytes the header cluster, or as much of it as the file holds
 * @param end where the area ends: the backing file name, or else the cluster
 * @throws {@link Qcow2Error} `ERR_INVALID_HEADER` for one that does not fit, `ERR_TRUNCATED` for one that the file cuts
 */
export function parseExtensions(where: string, bytes: Uint8Array, begin: number, end: number): HeaderExtension[] {
  const extensions: HeaderExtension[] = [];
  const view = viewOf(bytes);
  let at = begin;
  while (at + 8 <= end) {
    if (at + 8 > bytes.byteLength) {
      const rule = "inside the file";
      throw ruleError("ERR_TRUNCATED", where, "end of the header extension at " + at, at + 8, rule);
    }
    const type = view.getUint32(at);
    const length = view.getUint32(at + 4);
    if (type === EXTENSION.end) break;
    at += 8;
    const field = `length of header extension 0x${type.toString(16).padStart(8, "0")}`;
    if (length > end - at) {
      throw ruleError("ERR_INVALID_HEADER", where, field, length, `at most the ${end - at} bytes left for extensions`);
    }
    if (at + length > bytes.byteLength) {
      throw ruleError("ERR_TRUNCATED", where, field, length, `inside the file, which ends at ${bytes.byteLength}`);
    }
    if (type !== EXTENSION.filler) extensions.push({ type, data: bytes.slice(at, at + length) });
    at += alignUp(length, 8);
  }
  return extensions;
}

/** Bytes that extensions take with the one that ends them. */
export function extensionsLength(extensions: readonly HeaderExtension[]): number {
  return extensions.reduce((sum, { data }) => sum + 8 + alignUp(data.byteLength, 8), 8);
}

/** Writes extensions and the one that ends them into `target`, which is zero. Returns the offset behind them. */
export function encodeExtensions(extensions: readonly HeaderExtension[], target: Uint8Array, begin: number): number {
  const view = viewOf(target);
  let at = begin;
  for (const { type, data } of extensions) {
    view.setUint32(at, type);
    view.setUint32(at + 4, data.byteLength);
    target.set(data, at + 8);
    at += 8 + alignUp(data.byteLength, 8);
  }
  return at + 8;
}

/** The extensions with another one of a type, in the place of the one there is, or behind all; or without any. */
export function withExtension(
  extensions: readonly HeaderExtension[],
  type: number,
  data: Uint8Array | undefined,
): HeaderExtension[] {
  const index = extensions.findIndex((extension) => extension.type === type);
  const rest = extensions.filter((extension) => extension.type !== type);
  if (data === undefined) return rest;
  return rest.toSpliced(index < 0 ? rest.length : index, 0, { type, data });
}

/** The data of the first extension of a type. */
export function findExtension(extensions: readonly HeaderExtension[], type: number): Uint8Array | undefined {
  return extensions.find((extension) => extension.type === type)?.data;
}
