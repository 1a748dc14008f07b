import { CliError } from "./errors.js";

/** The formats that can be made and written to. */
const TARGET_FORMATS = ["luks", "qcow2", "raw"] as const;
/** A format that can be made and written to. */
export type TargetFormat = (typeof TARGET_FORMATS)[number];

/** The formats, by the names that QEMU has for them. */
export const FORMATS: readonly ["luks", "qcow2", "raw", "vdi", "vhdx", "vmdk", "vpc"] = [
  "luks",
  "qcow2",
  "raw",
  "vdi",
  "vhdx",
  "vmdk",
  "vpc",
];
/** A format. */
export type Format = (typeof FORMATS)[number];

/** Other names that a format is known by. */
const ALIASES: ReadonlyMap<string, Format> = new Map([["vhd", "vpc"]]);

/** The format of that name. */
export function formatNamed(name: string): Format {
  const format = FORMATS.find((known) => known === name) ?? ALIASES.get(name);
  if (format === undefined) throw new CliError(`unknown file format '${name}' (known: ${FORMATS.join(", ")})`);
  return format;
}

/** Whether images of the format can be made and written to. */
export function isTargetFormat(format: Format): format is TargetFormat {
  return TARGET_FORMATS.some((known) => known === format);
}

/** The format of that name, if images of it can be made. */
export function targetFormatNamed(name: string): TargetFormat {
  const format = formatNamed(name);
  if (isTargetFormat(format)) return format;
  throw new CliError(`format '${name}' can only be read (to be made: ${TARGET_FORMATS.join(", ")})`);
}

/** The value of a format option. */
export function formatOption(value: string | undefined): Format | undefined {
  return value === undefined ? undefined : formatNamed(value);
}
