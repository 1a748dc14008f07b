import type { Backend, CallOptions } from "@instar/backend";

import { checksumOf, exactU64, isText, readU64, uuidAt } from "./bytes.js";
import { ruleError } from "./rule-error.js";

/** What the header of a dynamic or differencing image says. Offsets and sizes are bytes. */
export interface DynamicHeader {
  readonly tableOffset: number;
  /** Entries of the block allocation table. */
  readonly tableEntries: number;
  readonly blockSize: number;
  /** Length of the sector bitmap before the data of each block. */
  readonly bitmapSize: number;
  /** The UUID of the parent of a differencing image. */
  readonly parentUuid: string;
  /** The header's own name of the parent, without a path. */
  readonly parentName: string;
  readonly locators: readonly ParentLocator[];
}

/** Where the name of the parent stands, in the way of one platform. */
export interface ParentLocator {
  /** Four letters, such as `W2ru`: a relative path of Windows in UTF-16. */
  readonly platform: string;
  /** Not checked yet, and inexact beyond 2^53: what is not used may hold anything. */
  readonly offset: number;
  readonly length: number;
}

const LENGTH = 1024;
const SECTOR = 512;
const MAX_BLOCK_SIZE = 2 ** 31;
/** A path of Windows has 32,767 characters at most. */
const MAX_NAME_BYTES = 65_536;

/**
 * Reads and checks the header of a dynamic image.
 *
 * @param size the guest size in bytes
 * @throws {@link ImageError} `ERR_INVALID_HEADER`, `ERR_UNSUPPORTED_VERSION`, `ERR_CORRUPT` (checksum), `ERR_TRUNCATED`
 */
export async function readDynamicHeader(
  file: Backend,
  offset: number,
  size: number,
  options?: CallOptions,
): Promise<DynamicHeader> {
  const where = file.name;
  if (offset + LENGTH > file.size) {
    throw ruleError(
      "ERR_TRUNCATED",
      where,
      "size of the file",
      file.size,
      `be ${offset + LENGTH} at least, where the dynamic header ends`,
    );
  }
  const bytes = new Uint8Array(LENGTH);
  await file.read(bytes, offset, options);
  const view = new DataView(bytes.buffer);
  if (!isText(bytes, 0, "cxsparse")) {
    throw ruleError("ERR_INVALID_HEADER", where, "data offset", offset, 'lead to a header that begins with "cxsparse"');
  }
  if (checksumOf(bytes, 36) !== view.getUint32(36)) {
    const rule = "be the checksum of the dynamic header";
    throw ruleError("ERR_CORRUPT", where, "dynamic header checksum", view.getUint32(36), rule);
  }
  const version = view.getUint32(24);
  if (version >>> 16 !== 1) {
    const shown = `${version >>> 16}.${version & 0xffff}`;
    throw ruleError("ERR_UNSUPPORTED_VERSION", where, "header version", shown, "be 1.x");
  }
  const blockSize = view.getUint32(32);
  if (blockSize < SECTOR || blockSize > MAX_BLOCK_SIZE || !Number.isInteger(Math.log2(blockSize))) {
    const rule = `be a power of two from ${SECTOR} to ${MAX_BLOCK_SIZE}`;
    throw ruleError("ERR_INVALID_HEADER", where, "block size", blockSize, rule);
  }
  const tableEntries = view.getUint32(28);
  const needed = Math.ceil(size / blockSize);
  if (tableEntries < needed) {
    const rule = `be ${needed} at least: the disk has ${size} bytes in blocks of ${blockSize}`;
    throw ruleError("ERR_INVALID_HEADER", where, "max table entries", tableEntries, rule);
  }
  const tableOffset = exactU64(where, "table offset", view, 16);
  if (tableOffset % SECTOR !== 0) {
    throw ruleError("ERR_INVALID_HEADER", where, "table offset", tableOffset, `be a multiple of ${SECTOR}`);
  }
  const tableEnd = tableOffset + needed * 4;
  if (tableEnd > file.size) {
    throw ruleError(
      "ERR_TRUNCATED",
      where,
      "size of the file",
      file.size,
      `be ${tableEnd} at least, where the block allocation table ends`,
    );
  }
  return {
    tableOffset,
    tableEntries,
    blockSize,
    bitmapSize: Math.ceil(blockSize / SECTOR / 8 / SECTOR) * SECTOR,
    parentUuid: uuidAt(bytes, 40),
    parentName: upToZero(new TextDecoder("utf-16be").decode(bytes.subarray(64, 576))),
    locators: Array.from({ length: 8 }, (_, index) => locatorAt(bytes, 576 + index * 24)),
  };
}

/**
 * The names of the parent, those that travel best first: relative to the image, absolute, then the header's own.
 *
 * A relative path has the backslashes of Windows turned, so that it means something elsewhere.
 *
 * @throws {@link ImageError} `ERR_INVALID_HEADER` or `ERR_TRUNCATED` for a locator that cannot be
 */
export async function parentNames(file: Backend, header: DynamicHeader, options?: CallOptions): Promise<string[]> {
  const names: string[] = [];
  for (const platform of ["W2ru", "W2ku", "MacX"]) {
    for (const locator of header.locators) {
      if (locator.platform !== platform || locator.length === 0) continue;
      const bytes = await readLocator(file, locator, options);
      const name = upToZero(new TextDecoder(platform === "MacX" ? "utf-8" : "utf-16le").decode(bytes));
      names.push(platform === "W2ru" ? name.replaceAll("\\", "/") : name);
    }
  }
  names.push(header.parentName);
  return [...new Set(names)].filter((name) => name !== "");
}

async function readLocator(file: Backend, locator: ParentLocator, options?: CallOptions): Promise<Uint8Array> {
  const { platform, offset, length } = locator;
  const field = `parent locator ${platform}`;
  if (length > MAX_NAME_BYTES) {
    throw ruleError("ERR_INVALID_HEADER", file.name, field, length, `have ${MAX_NAME_BYTES} bytes at most`);
  }
  if (offset + length > file.size) {
    throw ruleError(
      "ERR_TRUNCATED",
      file.name,
      field,
      offset + length,
      `end within the ${file.size} bytes of the file`,
    );
  }
  const bytes = new Uint8Array(length);
  await file.read(bytes, offset, options);
  return bytes;
}

function locatorAt(bytes: Uint8Array, position: number): ParentLocator {
  const view = new DataView(bytes.buffer);
  const platform = String.fromCharCode(...bytes.subarray(position, position + 4));
  return { platform, offset: readU64(view, position + 16), length: view.getUint32(position + 8) };
}

function upToZero(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}
