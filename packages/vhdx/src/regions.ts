import type { Backend } from "@instar/backend";

import { guidAt, isText, MIB, readU64, readView } from "./bytes.js";
import { isSealed } from "./crc32c.js";
import { ruleError } from "./rule-error.js";

/** A part of the file. Bytes. */
export interface Region {
  readonly offset: number;
  readonly length: number;
}

/** The parts of the file that matter. */
export interface Regions {
  /** The block allocation table. */
  readonly table: Region;
  readonly metadata: Region;
}

const PLACES = [192 * 1024, 256 * 1024] as const;
const LENGTH = 64 * 1024;
const MAX_ENTRIES = 2047;
const TABLE_GUID = "2dc27766-f623-4200-9d64-115e9bfd4a08";
const METADATA_GUID = "8b7ca206-4790-4b9a-b8fe-575f050f886e";

/**
 * Reads the first region table that is valid.
 *
 * @throws {@link ImageError} `ERR_CORRUPT`, `ERR_TRUNCATED`, `ERR_INVALID_HEADER`, `ERR_UNSUPPORTED_FEATURE`
 */
export async function readRegions(file: Backend, signal: AbortSignal | undefined): Promise<Regions> {
  for (const place of PLACES) {
    const view = await readView(file, "region table", place, LENGTH, signal);
    if (isText(view, 0, "regi") && isSealed(view, 4)) return parse(file.name, view);
  }
  const rule = `be there at ${PLACES.join(" or ")}, with a checksum that is right`;
  throw ruleError("ERR_CORRUPT", file.name, "region table", "missing or damaged", rule);
}

function parse(where: string, view: DataView): Regions {
  const count = view.getUint32(8, true);
  if (count > MAX_ENTRIES) {
    throw ruleError("ERR_INVALID_HEADER", where, "EntryCount of the region table", count, `be ${MAX_ENTRIES} at most`);
  }
  const found = new Map<string, Region>();
  for (let index = 0; index < count; index++) {
    const position = 16 + index * 32;
    const guid = guidAt(view, position);
    const offset = readU64(view, position + 16);
    const length = view.getUint32(position + 24, true);
    if (guid !== TABLE_GUID && guid !== METADATA_GUID) {
      if ((view.getUint32(position + 28, true) & 1) === 0) continue;
      throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "region", guid, "not be required: nobody here knows it");
    }
    if (found.has(guid)) throw ruleError("ERR_INVALID_HEADER", where, "region", guid, "be there only once");
    if (offset < MIB || offset % MIB !== 0 || !Number.isSafeInteger(offset + length)) {
      throw ruleError(
        "ERR_INVALID_HEADER",
        where,
        `FileOffset of region ${guid}`,
        offset,
        `be a multiple of ${MIB}, not 0`,
      );
    }
    found.set(guid, { offset, length });
  }
  return { table: required(where, found, TABLE_GUID), metadata: required(where, found, METADATA_GUID) };
}

function required(where: string, found: ReadonlyMap<string, Region>, guid: string): Region {
  const region = found.get(guid);
  if (region) return region;
  throw ruleError("ERR_INVALID_HEADER", where, "region", guid, "be there");
}
