import { SECTOR } from "./bytes.js";
import { ruleError } from "./rule-error.js";

/** The text that describes a disk. */
export interface Descriptor {
  readonly createType: string;
  /** Changes when the disk does. */
  readonly contentId: number;
  /** The content ID of the parent; `undefined` without a parent. */
  readonly parentContentId: number | undefined;
  readonly parentName: string | undefined;
  readonly extents: readonly ExtentLine[];
}

/** One line of what a disk consists of. */
export interface ExtentLine {
  /** Guest bytes. */
  readonly size: number;
  readonly type: "SPARSE" | "FLAT" | "ZERO";
  /** Empty for `ZERO`. */
  readonly name: string;
  /** Where in a flat file it begins. */
  readonly offset: number;
}

/** Longest descriptor, in bytes: the limit that QEMU sets. */
export const MAX_DESCRIPTOR: number = 2 ** 20;
/** Most extents: four times what a disk of 2 TiB in files of 2 GiB has. */
const MAX_EXTENTS = 4096;
const NO_PARENT = 0xffffffff;

/** Whether bytes begin as a descriptor does: comments and empty lines, and then a version. */
export function isDescriptor(bytes: Uint8Array): boolean {
  return /^(?:#[^\n]*\n|[ \t]*\r?\n)*version *= *[123]\r?\n/i.test(new TextDecoder("latin1").decode(bytes));
}

/**
 * Takes a descriptor apart.
 *
 * @throws {@link ImageError} `ERR_INVALID_HEADER`, `ERR_UNSUPPORTED_FEATURE` for a kind of extent that is not read
 */
export function parseDescriptor(where: string, bytes: Uint8Array): Descriptor {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  const values = new Map<string, string>();
  const extents: ExtentLine[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (/^(?:RW|RDONLY|NOACCESS)\s/.test(line)) {
      if (extents.length >= MAX_EXTENTS) {
        throw ruleError("ERR_INVALID_HEADER", where, "extents", extents.length + 1, `be ${MAX_EXTENTS} at most`);
      }
      extents.push(parseExtent(where, line));
      continue;
    }
    const equals = line.indexOf("=");
    if (equals < 0) continue;
    const key = line.slice(0, equals).trim().toLowerCase();
    const value = line.slice(equals + 1).trim();
    if (!values.has(key)) values.set(key, value.startsWith('"') ? value.slice(1).split('"', 1).join("") : value);
  }
  const createType = values.get("createtype");
  if (createType === undefined) {
    throw ruleError("ERR_INVALID_HEADER", where, "descriptor", "", "name a createType");
  }
  const parent = contentIdOf(where, "parentCID", values.get("parentcid") ?? "ffffffff");
  return {
    createType,
    contentId: contentIdOf(where, "CID", values.get("cid")),
    parentContentId: parent === NO_PARENT ? undefined : parent,
    parentName: values.get("parentfilenamehint"),
    extents,
  };
}

function parseExtent(where: string, line: string): ExtentLine {
  const match = /^(\w+)\s+(\d{1,16})\s+(\w+)(?:\s+"([^"]*)"(?:\s+(\d{1,16}))?)?$/.exec(line);
  const [, access, sectors = "", kind = "", name, offset = "0"] = match ?? [];
  if (access === "NOACCESS") {
    throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "extent line", line, "be RW or RDONLY: it may not be read");
  }
  const type = kind === "VMFS" ? "FLAT" : kind;
  if (match && type !== "SPARSE" && type !== "FLAT" && type !== "ZERO") {
    const rule = "be of the type SPARSE, FLAT, VMFS or ZERO: others are not supported";
    throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "extent line", line, rule);
  }
  const size = Number(sectors) * SECTOR;
  const start = Number(offset) * SECTOR;
  const known = type === "SPARSE" || type === "FLAT" || type === "ZERO" ? type : undefined;
  const named = known === "ZERO" || (name !== undefined && name !== "");
  if (!known || !named || size === 0 || !Number.isSafeInteger(size) || !Number.isSafeInteger(start + size)) {
    const rule = 'have the form RW SECTORS TYPE "FILE" [OFFSET]';
    throw ruleError("ERR_INVALID_HEADER", where, "extent line", line.slice(0, 200), rule);
  }
  return { size, type: known, name: name ?? "", offset: start };
}

function contentIdOf(where: string, field: string, text: string | undefined): number {
  if (text !== undefined && /^[0-9a-f]{1,8}$/i.test(text)) return Number.parseInt(text, 16);
  throw ruleError("ERR_INVALID_HEADER", where, field, (text ?? "").slice(0, 200), "be a hexadecimal number of 32 bits");
}
