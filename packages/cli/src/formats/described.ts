/** What can stand in a description. */
export type Detail = string | number | boolean | readonly Detail[] | { readonly [key: string]: Detail };

/** What `qemu-img info` tells of an image of a format that has no description of its own. */
export interface Described {
  /** Bytes of the unit that space is given in. */
  readonly clusterSize?: number | undefined;
  /** What is particular to the format, with the names of `qemu-img info --output=json`. */
  readonly specific?: { readonly type: string; readonly data: { readonly [key: string]: Detail } };
  /** Whether its content is encrypted. */
  readonly encrypted?: boolean;
  /** What it calls its parent. */
  readonly backing?: { readonly name: string; readonly format: string } | undefined;
}

/** The particulars as `qemu-img info` prints them, a line each. */
export function detailLines(data: { readonly [key: string]: Detail }): string[] {
  return ["Format specific information:", ...linesOf(data, "    ")];
}

function linesOf(detail: readonly Detail[] | { readonly [key: string]: Detail }, indent: string): string[] {
  const entries = Array.isArray(detail)
    ? detail.map((item, index) => [`[${index}]`, item] as const)
    : Object.entries(detail).map(([key, value]) => [key.replaceAll("-", " "), value] as const);
  return entries.flatMap(([key, value]) =>
    typeof value === "object" ? [`${indent}${key}:`, ...linesOf(value, `${indent}    `)] : `${indent}${key}: ${value}`,
  );
}
