/** What a `Content-Range` says (RFC 9110, section 14.4). */
export interface ContentRange {
  /** First and last byte; `undefined` where the range could not be satisfied. */
  readonly range: { readonly first: number; readonly last: number } | undefined;
  /** Size of the whole; `undefined` where the server does not tell. */
  readonly total: number | undefined;
}

/** Takes a `Content-Range` apart; `undefined` when it is not one of bytes, or contradicts itself. */
export function parseContentRange(value: string | undefined): ContentRange | undefined {
  const match = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/i.exec(value?.trim() ?? "");
  if (!match) return undefined;
  const total = match[3] === "*" ? undefined : Number(match[3]);
  if (total !== undefined && !Number.isSafeInteger(total)) return undefined;
  if (match[1] === undefined) return total === undefined ? undefined : { range: undefined, total };
  const range = { first: Number(match[1]), last: Number(match[2]) };
  if (range.first > range.last || range.last >= (total ?? Number.MAX_SAFE_INTEGER)) return undefined;
  return { range, total };
}
