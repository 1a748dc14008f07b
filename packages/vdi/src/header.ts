import type { Backend, CallOptions } from "@instar/backend";
import { ImageError } from "@instar/image-format";

import { ruleError } from "./rule-error.js";

/** What the header says. Offsets and sizes are bytes. */
export interface VdiHeader {
  /** `static` images have every block from the beginning. */
  readonly type: "dynamic" | "static";
  /** Guest size. */
  readonly size: number;
  readonly blockSize: number;
  /** Entries of the block map. */
  readonly blocks: number;
  /** How many of them the image claims to have stored. */
  readonly allocatedBlocks: number;
  readonly blockMapOffset: number;
  /** Where block 0 of the file begins. */
  readonly dataOffset: number;
  /** The image's own UUID. */
  readonly uuid: string;
}

const LENGTH = 512;
const SECTOR = 512;
const SIGNATURE = 0xbeda107f;
const VERSION = 0x00010001;
/** Most entries of a block map, the limit that QEMU sets. */
const MAX_BLOCKS = 0x3fffffff;
const MAX_BLOCK_SIZE = 2 ** 31;
const HIGH = 2 ** 32;

/** Whether the file has the signature of VDI at its place; nothing else is looked at. */
export async function probeVdi(file: Backend, options?: CallOptions): Promise<boolean> {
  if (file.size < LENGTH) return false;
  const bytes = new Uint8Array(4);
  await file.read(bytes, 0x40, options);
  return new DataView(bytes.buffer).getUint32(0, true) === SIGNATURE;
}

/**
 * Reads and checks the header.
 *
 * @throws {@link ImageError} `ERR_NOT_THIS_FORMAT`, `ERR_UNSUPPORTED_VERSION`, `ERR_UNSUPPORTED_FEATURE`, `ERR_INVALID_HEADER`,
 *   `ERR_TRUNCATED`
 */
export async function readHeader(file: Backend, options?: CallOptions): Promise<VdiHeader> {
  const where = file.name;
  if (!(await probeVdi(file, options))) {
    const rule = "hold 0xbeda107f at byte 64";
    throw new ImageError("vdi", "ERR_NOT_THIS_FORMAT", `${where}: not a VDI image`, { field: "signature", rule });
  }
  const bytes = new Uint8Array(LENGTH);
  await file.read(bytes, 0, options);
  const view = new DataView(bytes.buffer);
  const u32 = (position: number): number => view.getUint32(position, true);
  const demand = (holds: boolean, field: string, value: number | string, rule: string): void => {
    if (!holds) throw ruleError("ERR_INVALID_HEADER", where, field, value, rule);
  };

  const version = u32(0x44);
  if (version !== VERSION) {
    const shown = `${version >>> 16}.${version & 0xffff}`;
    throw ruleError("ERR_UNSUPPORTED_VERSION", where, "version", shown, "be 1.1");
  }
  const type = typeOf(where, u32(0x4c));
  const blockMapOffset = u32(0x154);
  const dataOffset = u32(0x158);
  for (const [field, offset] of [
    ["offset_bmap", blockMapOffset],
    ["offset_data", dataOffset],
  ] as const) {
    const rule = `be a multiple of ${SECTOR} behind the header`;
    demand(offset >= LENGTH && offset % SECTOR === 0, field, offset, rule);
  }
  demand(u32(0x168) === SECTOR, "sector_size", u32(0x168), `be ${SECTOR}`);
  const blockSize = u32(0x178);
  demand(
    isPowerOfTwo(blockSize) && blockSize >= SECTOR && blockSize <= MAX_BLOCK_SIZE,
    "block_size",
    blockSize,
    `be a power of two from ${SECTOR} to ${MAX_BLOCK_SIZE}`,
  );
  if (u32(0x17c) !== 0) {
    const rule = "be 0: extra bytes before each block are not supported";
    throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "block_extra", u32(0x17c), rule);
  }
  const blocks = u32(0x180);
  demand(blocks <= MAX_BLOCKS, "blocks_in_image", blocks, `be ${MAX_BLOCKS} at most`);
  const size = roundedSize(u32(0x170), u32(0x174));
  const room = blocks * blockSize;
  demand(
    size <= room && size <= Number.MAX_SAFE_INTEGER,
    "disk_size",
    size,
    `be ${room} at most: ${blocks} blocks of ${blockSize} bytes`,
  );
  for (const [field, position] of [
    ["uuid_link", 0x1a8],
    ["uuid_parent", 0x1b8],
  ] as const) {
    const uuid = uuidAt(view, position);
    if (!/[1-9a-f]/.test(uuid)) continue;
    const rule = "be zero: differencing images, which need a parent, are not supported";
    throw ruleError("ERR_UNSUPPORTED_FEATURE", where, field, uuid, rule);
  }
  const mapEnd = blockMapOffset + Math.ceil(size / blockSize) * 4;
  if (mapEnd > file.size) {
    throw ruleError(
      "ERR_TRUNCATED",
      where,
      "size of the file",
      file.size,
      `be ${mapEnd} at least, where the block map ends`,
    );
  }
  return {
    type,
    size,
    blockSize,
    blocks,
    allocatedBlocks: u32(0x184),
    blockMapOffset,
    dataOffset,
    uuid: uuidAt(view, 0x188),
  };
}

function typeOf(where: string, type: number): VdiHeader["type"] {
  if (type === 1) return "dynamic";
  if (type === 2) return "static";
  const known = type === 3 ? "undo images are" : type === 4 ? "differencing images are" : "other types are";
  const rule = `be 1 (dynamic) or 2 (static): ${known} not supported`;
  throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "image_type", type, rule);
}

/** VBoxManage makes disks of odd sizes; like QEMU we count the last sector as a whole one. */
function roundedSize(low: number, high: number): number {
  return Math.ceil((high * HIGH + low) / SECTOR) * SECTOR;
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/** A UUID in the order of bytes that VirtualBox and Windows use: the first three groups are little-endian numbers. */
function uuidAt(view: DataView, position: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  let tail = "";
  for (let at = position + 8; at < position + 16; at++) tail += hex(view.getUint8(at), 2);
  const first = hex(view.getUint32(position, true), 8);
  const [second, third] = [4, 6].map((at) => hex(view.getUint16(position + at, true), 4));
  return `${first}-${second}-${third}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}
