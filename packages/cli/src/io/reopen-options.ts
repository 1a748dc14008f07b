import { CliError } from "../errors.js";
import type { Format } from "../format-names.js";
import { parseSize } from "../sizes.js";
import type { IoImageOptions } from "./io-image.js";

/** Options that every image can be reopened with, and that make no difference here. */
const ANYWHERE: readonly string[] = ["auto-read-only", "cache.direct", "cache.no-flush", "detect-zeroes"];
/** The same of qcow2 images: whether they are switches. */
const SWITCHES: readonly string[] = [
  "lazy-refcounts",
  "pass-discard-other",
  "pass-discard-request",
  "pass-discard-snapshot",
];
/** And those that are sizes. */
const SIZES: readonly string[] = ["cache-size", "l2-cache-entry-size", "l2-cache-size", "refcount-cache-size"];

/** What an image is, and how it is asked to be treated apart from options. */
export interface Reopened {
  readonly format: Format;
  readonly name: string;
  readonly readOnly: boolean;
  /** Whether `-r` or `-w` is given. */
  readonly mode: boolean;
  /** Whether `-c` is given. */
  readonly cache: boolean;
}

/**
 * Understands the options behind `-o` of `reopen`, as QEMU does: what may change, and what must be as it is.
 *
 * @throws {@link CliError} in the words of qemu-io
 */
export function reopenOptions(
  options: ReadonlyMap<string, string>,
  image: Reopened,
): Partial<Pick<IoImageOptions, "discard">> {
  let changes: Partial<Pick<IoImageOptions, "discard">> = {};
  if (image.mode && options.has("read-only")) throw new CliError("Cannot set both -r/-w and 'read-only'");
  if (image.cache && [...options.keys()].some((name) => name.startsWith("cache."))) {
    throw new CliError("Cannot set both -c and the cache options");
  }
  for (const [name, value] of options) {
    if (name === "discard") changes = { discard: discardOf(value) };
    else if (name === "read-only") refuseReadOnly(value, image);
    else if (name === "driver" && value === image.format) continue;
    else if (name === "file.filename" && value === image.name) continue;
    else if (ANYWHERE.includes(name)) continue;
    else if (image.format === "qcow2" && isTuning(name, value)) continue;
    else throw new CliError(`Cannot change the option '${name.replace(/^file\./, "")}'`);
  }
  return changes;
}

function discardOf(value: string): boolean {
  if (value === "unmap" || value === "on") return true;
  if (value === "ignore" || value === "off") return false;
  throw new CliError("Invalid discard option");
}

function refuseReadOnly(value: string, { readOnly }: Reopened): void {
  if (isOn("read-only", value) && !readOnly) {
    throw new CliError("Read-only block node cannot support read-write users: -r makes them readers");
  }
}

/** Whether it is an option that tunes what QEMU does with a qcow2 image. */
function isTuning(name: string, value: string): boolean {
  if (SWITCHES.includes(name)) isOn(name, value);
  else if (SIZES.includes(name)) parseSize(value, name);
  else return name === "cache-clean-interval" || name === "overlap-check" || name.startsWith("overlap-check.");
  return true;
}

function isOn(name: string, value: string): boolean {
  if (value !== "on" && value !== "off") throw new CliError(`Parameter '${name}' expects 'on' or 'off'`);
  return value === "on";
}
