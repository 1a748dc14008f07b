import { UsageError } from "./errors.js";

const SUFFIXES = "bkmgtpe";
const RULE = "a number with an optional suffix b, k, M, G, T, P or E";

/**
 * Bytes from a size as qemu-img takes it: decimal, with an optional fraction and suffix (powers of 1024), or `0x` and
 * hexadecimal digits.
 *
 * @throws {@link UsageError} that names `what` for anything else, and above 2^53-1.
 */
export function parseSize(text: string, what = "size"): number {
  const match = /^(?:0x([0-9a-f]+)|(\d+)(\.\d+)?([bkmgtpe])?)$/i.exec(text);
  if (!match) throw new UsageError(`invalid ${what} '${text}': ${RULE}`);
  const [, hex, whole = "0", fraction = "", suffix = "b"] = match;
  const unit = 1024 ** SUFFIXES.indexOf(suffix.toLowerCase());
  if (fraction !== "" && unit === 1) throw new UsageError(`invalid ${what} '${text}': a fraction needs a suffix`);
  const bytes =
    hex === undefined ? Number(whole) * unit + Math.floor(Number(`0${fraction || ".0"}`) * unit) : parseInt(hex, 16);
  if (!Number.isSafeInteger(bytes)) throw new UsageError(`${what} '${text}' is too large: the limit is 2^53-1 bytes`);
  return bytes;
}

const UNITS = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;

/** A size for people, with three significant digits, as `qemu-img info` shows it: `1.5 GiB`. */
export function formatSize(bytes: number): string {
  // The next unit begins at 1000 of the one before, so that three digits always suffice.
  let power = 0;
  while (power < UNITS.length - 1 && bytes >= 1000 * 1024 ** power) power++;
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${UNITS[power]}B`;
}

/** A size for people as qemu-io shows it: `64 KiB`, `1.500 KiB`, `512 bytes`. */
export function formatExact(bytes: number): string {
  let power = 0;
  while (power < UNITS.length - 1 && bytes >= 1024 ** (power + 1)) power++;
  const number = fixed(bytes / 1024 ** power, power === 0 ? 6 : 3);
  // qemu-io drops a fraction that begins with three zeroes.
  return `${number.replace(/\.000.*$/, "")} ${power === 0 ? "bytes" : `${UNITS[power]}B`}`;
}

/** The number with so many decimals as C prints it: what lies in the middle goes to the even digit. */
export function fixed(value: number, decimals: number): string {
  const scaled = value * 10 ** decimals;
  const below = Math.floor(scaled);
  const middle = scaled - below === 0.5 && below % 2 === 0;
  return (middle ? below / 10 ** decimals : value).toFixed(decimals);
}

/** `value` rounded up to a multiple of `unit`. */
export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
