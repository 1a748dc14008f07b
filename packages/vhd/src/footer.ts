import type { Backend, CallOptions } from "@instar/backend";
import { ImageError } from "@instar/image-format";

import { checksumOf, exactU64, isText, uuidAt } from "./bytes.js";
import { ruleError } from "./rule-error.js";

/** Whose word the size of the disk is taken from: the geometry (cylinders, heads, sectors) or the current size. */
export type SizeRule = "auto" | "geometry" | "current-size";

/** What the footer says. Sizes are bytes. */
export interface Footer {
  readonly type: "fixed" | "dynamic" | "differencing";
  /** The four letters of the program that made the image. */
  readonly creator: string;
  /** Size of the disk that the current size and the geometry tell. */
  readonly currentSize: number;
  readonly geometrySize: number;
  /** Where the header of a dynamic image stands. */
  readonly headerOffset: number;
  readonly uuid: string;
}

/** Length of the footer, and of a sector. */
export const FOOTER_LENGTH = 512;
const SECTOR = 512;
const COOKIE = "conectix";
/** The limit of the format: 2040 GiB. */
const MAX_SIZE = 0xff000000 * SECTOR;
/** The largest geometry: disks that have it are larger than it can tell. */
const MAX_GEOMETRY = 65_535 * 16 * 255 * SECTOR;
/** Programs whose current size is the size of the disk; all others let the guest see the geometry. */
const SIZED_BY_CURRENT: readonly string[] = ["qem2", "win ", "d2v ", "tap\0", "CTXS"];

/**
 * Whether the file begins as dynamic and differencing images do.
 *
 * A fixed image is a raw disk with a footer, which any guest can write into the last sector of its disk: it is never
 * guessed, but opened by those who know what it is.
 */
export async function probeVhd(file: Backend, options?: CallOptions): Promise<boolean> {
  if (file.size < 2 * FOOTER_LENGTH) return false;
  const bytes = new Uint8Array(8);
  await file.read(bytes, 0, options);
  return isText(bytes, 0, COOKIE);
}

/**
 * Reads and checks the footer. The one at the end of the file counts, as the guest of a fixed image can write what it
 * likes to the first sector. Its copy there is used where the file has been cut off or padded.
 *
 * @throws {@link ImageError} `ERR_NOT_THIS_FORMAT`, `ERR_CORRUPT` (checksum), `ERR_UNSUPPORTED_VERSION`, `ERR_UNSUPPORTED_FEATURE`,
 *   `ERR_INVALID_HEADER`
 */
export async function readFooter(file: Backend, options?: CallOptions): Promise<Footer> {
  const where = file.name;
  const places = file.size < FOOTER_LENGTH ? [] : [file.size - FOOTER_LENGTH, 0];
  for (const [index, place] of places.entries()) {
    const bytes = new Uint8Array(FOOTER_LENGTH);
    await file.read(bytes, place, options);
    if (!isText(bytes, 0, COOKIE)) continue;
    const last = index === places.length - 1;
    if (checksumOf(bytes, 64) !== new DataView(bytes.buffer).getUint32(64)) {
      if (!last) continue;
      const rule = "be the checksum of the footer";
      throw ruleError("ERR_CORRUPT", where, "footer checksum", new DataView(bytes.buffer).getUint32(64), rule);
    }
    const footer = parseFooter(where, bytes);
    if (!last || footer.type !== "fixed") return footer;
  }
  const rule = `hold "${COOKIE}" in its last sector, or the first one of a dynamic image`;
  throw new ImageError("vhd", "ERR_NOT_THIS_FORMAT", `${where}: not a VHD image`, { field: "cookie", rule });
}

/** Size of the guest disk; `auto` decides as QEMU 7.2 does. */
export function diskSize(where: string, footer: Footer, rule: SizeRule): number {
  const { creator, currentSize, geometrySize } = footer;
  const byCurrent = SIZED_BY_CURRENT.includes(creator) || geometrySize === MAX_GEOMETRY;
  const current = rule === "current-size" || (rule === "auto" && byCurrent);
  const size = current ? Math.floor(currentSize / SECTOR) * SECTOR : geometrySize;
  if (size > MAX_SIZE) {
    const field = current ? "current size" : "disk geometry";
    throw ruleError("ERR_INVALID_HEADER", where, field, size, `be ${MAX_SIZE} at most`);
  }
  return size;
}

function parseFooter(where: string, bytes: Uint8Array): Footer {
  const view = new DataView(bytes.buffer);
  const version = view.getUint32(12);
  if (version >>> 16 !== 1) {
    const shown = `${version >>> 16}.${version & 0xffff}`;
    throw ruleError("ERR_UNSUPPORTED_VERSION", where, "file format version", shown, "be 1.x");
  }
  const type = typeOf(where, view.getUint32(60));
  return {
    type,
    creator: String.fromCharCode(...bytes.subarray(28, 32)),
    currentSize: exactU64(where, "current size", view, 48),
    geometrySize: view.getUint16(56) * view.getUint8(58) * view.getUint8(59) * SECTOR,
    headerOffset: type === "fixed" ? 0 : exactU64(where, "data offset", view, 16),
    uuid: uuidAt(bytes, 68),
  };
}

function typeOf(where: string, type: number): Footer["type"] {
  if (type === 2) return "fixed";
  if (type === 3) return "dynamic";
  if (type === 4) return "differencing";
  const rule = "be 2 (fixed), 3 (dynamic) or 4 (differencing)";
  throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "disk type", type, rule);
}
