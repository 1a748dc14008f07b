import { guidAt } from "./bytes.js";
import { ruleError } from "./rule-error.js";

const VHDX_LOCATOR = "b04aefb7-d19e-4a81-b789-25b8e9445913";
const HEADER = 20;
const ENTRY = 12;

/**
 * Takes a parent locator apart: keys and values in UTF-16.
 *
 * @throws {@link ImageError} `ERR_UNSUPPORTED_FEATURE`, `ERR_INVALID_HEADER`
 */
export function parseParentLocator(where: string, view: DataView<ArrayBuffer>): ReadonlyMap<string, string> {
  if (view.byteLength < HEADER) {
    throw ruleError("ERR_INVALID_HEADER", where, "length of parentLocator", view.byteLength, `be ${HEADER} at least`);
  }
  const type = guidAt(view, 0);
  if (type !== VHDX_LOCATOR) {
    throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "LocatorType", type, `be ${VHDX_LOCATOR}, that of VHDX`);
  }
  const count = view.getUint16(18, true);
  if (HEADER + count * ENTRY > view.byteLength) {
    const rule = `fit into the ${view.byteLength} bytes of the parent locator`;
    throw ruleError("ERR_INVALID_HEADER", where, "KeyValueCount", count, rule);
  }
  const text = (offset: number, length: number): string => {
    if (offset + length > view.byteLength) {
      const rule = `end within the ${view.byteLength} bytes of the parent locator`;
      throw ruleError("ERR_INVALID_HEADER", where, "key or value of parentLocator", offset + length, rule);
    }
    return new TextDecoder("utf-16le").decode(new Uint8Array(view.buffer, view.byteOffset + offset, length));
  };
  const entries = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const at = HEADER + index * ENTRY;
    const key = text(view.getUint32(at, true), view.getUint16(at + 8, true));
    entries.set(key, text(view.getUint32(at + 4, true), view.getUint16(at + 10, true)));
  }
  return entries;
}

/**
 * The names of the parent, those that travel best first: relative to the image, on the volume, absolute.
 *
 * A relative path has the backslashes of Windows turned, so that it means something elsewhere.
 */
export function parentNames(parent: ReadonlyMap<string, string>): string[] {
  const relative = parent.get("relative_path")?.replaceAll("\\", "/");
  const names = [relative, parent.get("absolute_win32_path"), parent.get("volume_path")];
  return names.filter((name): name is string => name !== undefined && name !== "");
}

/** The GUIDs of which the parent has to have one. */
export function parentLinkage(parent: ReadonlyMap<string, string>): string[] {
  const linkage = [parent.get("parent_linkage"), parent.get("parent_linkage2")];
  return linkage.flatMap((guid) => (guid === undefined ? [] : guid.toLowerCase().replace(/[{}\0]/g, "")));
}
