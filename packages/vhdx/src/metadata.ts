import type { Backend } from "@instar/backend";

import { guidAt, isText, MIB, readU64, readView } from "./bytes.js";
import { ruleError } from "./rule-error.js";
import { parseParentLocator } from "./parent-locator.js";
import type { Region } from "./regions.js";

/** What the metadata region says. Sizes are bytes. */
export interface Metadata {
  /** Guest size. */
  readonly size: number;
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  /** `undefined` where the image does not tell. */
  readonly physicalSectorSize: number | undefined;
  /** Blocks are never given back: what VHDX has for a fixed size. */
  readonly fixed: boolean;
  /** What the image says of its parent, by key; `undefined` without one. */
  readonly parent: ReadonlyMap<string, string> | undefined;
}

/** A part of the metadata region. */
interface Item {
  readonly offset: number;
  readonly length: number;
}

const TABLE_LENGTH = 64 * 1024;
const MAX_ENTRIES = 2047;
const MAX_ITEM = MIB;
const MAX_SIZE = 2 ** 46;
const MAX_BLOCK = 256 * MIB;
const FLAG = { required: 4, leaveBlocksAllocated: 1, hasParent: 2 } as const;

const ITEMS = {
  fileParameters: "caa16737-fa36-4d43-b3b6-33f0aa44e76b",
  virtualDiskSize: "2fa54224-cd1b-4876-b211-5dbed83bf4b8",
  virtualDiskId: "beca12ab-b2e6-4523-93ef-c309e000c746",
  logicalSectorSize: "8141bf1d-a96f-4709-ba47-f233a8faab5f",
  physicalSectorSize: "cda348c7-445d-4471-9cc9-e9885251c556",
  parentLocator: "a8d35f2d-b30b-454d-abf7-d3d84834ab0c",
} as const;

/**
 * Reads and checks the metadata.
 *
 * @throws {@link ImageError} `ERR_CORRUPT`, `ERR_TRUNCATED`, `ERR_INVALID_HEADER`, `ERR_UNSUPPORTED_FEATURE`
 */
export async function readMetadata(file: Backend, region: Region, signal: AbortSignal | undefined): Promise<Metadata> {
  const where = file.name;
  const items = parseTable(where, await readView(file, "metadata table", region.offset, TABLE_LENGTH, signal), region);
  const read = async (name: keyof typeof ITEMS, length?: number): Promise<DataView<ArrayBuffer>> => {
    const item = items.get(ITEMS[name]);
    if (!item) throw ruleError("ERR_INVALID_HEADER", where, "metadata", name, "be there");
    if (length !== undefined && item.length !== length) {
      throw ruleError("ERR_INVALID_HEADER", where, `length of ${name}`, item.length, `be ${length}`);
    }
    return readView(file, name, region.offset + item.offset, item.length, signal);
  };

  const parameters = await read("fileParameters", 8);
  const blockSize = parameters.getUint32(0, true);
  if (blockSize < MIB || blockSize > MAX_BLOCK || !Number.isInteger(Math.log2(blockSize))) {
    throw ruleError(
      "ERR_INVALID_HEADER",
      where,
      "BlockSize",
      blockSize,
      `be a power of two from ${MIB} to ${MAX_BLOCK}`,
    );
  }
  const flags = parameters.getUint32(4, true);
  const logicalSectorSize = (await read("logicalSectorSize", 4)).getUint32(0, true);
  if (logicalSectorSize !== 512 && logicalSectorSize !== 4096) {
    throw ruleError("ERR_INVALID_HEADER", where, "LogicalSectorSize", logicalSectorSize, "be 512 or 4096");
  }
  const size = readU64(await read("virtualDiskSize", 8), 0);
  if (size > MAX_SIZE || size % logicalSectorSize !== 0) {
    const rule = `be a multiple of the sector size ${logicalSectorSize}, and ${MAX_SIZE} at most`;
    throw ruleError("ERR_INVALID_HEADER", where, "VirtualDiskSize", size, rule);
  }
  const physical = items.has(ITEMS.physicalSectorSize) ? await read("physicalSectorSize", 4) : undefined;
  return {
    size,
    blockSize,
    logicalSectorSize,
    physicalSectorSize: physical?.getUint32(0, true),
    fixed: (flags & FLAG.leaveBlocksAllocated) !== 0,
    parent: (flags & FLAG.hasParent) === 0 ? undefined : parseParentLocator(where, await read("parentLocator")),
  };
}

function parseTable(where: string, view: DataView, region: Region): ReadonlyMap<string, Item> {
  if (!isText(view, 0, "metadata")) {
    throw ruleError(
      "ERR_CORRUPT",
      where,
      "metadata region",
      region.offset,
      'lead to a table that begins with "metadata"',
    );
  }
  const count = view.getUint16(10, true);
  if (count > MAX_ENTRIES) {
    throw ruleError("ERR_INVALID_HEADER", where, "EntryCount of the metadata", count, `be ${MAX_ENTRIES} at most`);
  }
  const items = new Map<string, Item>();
  const known: ReadonlySet<string> = new Set(Object.values(ITEMS));
  for (let index = 0; index < count; index++) {
    const position = 32 + index * 32;
    const guid = guidAt(view, position);
    const offset = view.getUint32(position + 16, true);
    const length = view.getUint32(position + 20, true);
    if (!known.has(guid)) {
      if ((view.getUint32(position + 24, true) & FLAG.required) === 0) continue;
      throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "metadata", guid, "not be required: nobody here knows it");
    }
    if (items.has(guid)) throw ruleError("ERR_INVALID_HEADER", where, "metadata", guid, "be there only once");
    if (offset < TABLE_LENGTH || length > MAX_ITEM || offset + length > region.length) {
      const rule = `lie between the table and the end of the region, ${TABLE_LENGTH} to ${region.length}, ${MAX_ITEM} long at most`;
      throw ruleError("ERR_INVALID_HEADER", where, `place of the metadata ${guid}`, `${offset} + ${length}`, rule);
    }
    items.set(guid, { offset, length });
  }
  return items;
}
