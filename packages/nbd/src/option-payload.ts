const MAX_NAME = 4096;

/** Splits text with its length in front from the rest; nothing where it does not fit. */
function text(payload: Buffer, at: number): { readonly value: string; readonly end: number } | undefined {
  if (at + 4 > payload.byteLength) return undefined;
  const end = at + 4 + payload.readUInt32BE(at);
  if (end > payload.byteLength || end - at - 4 > MAX_NAME) return undefined;
  return { value: payload.toString("utf8", at + 4, end), end };
}

/** What INFO and GO carry; nothing where it is malformed. */
export function exportRequest(payload: Buffer): { readonly name: string; readonly wanted: number[] } | undefined {
  const name = text(payload, 0);
  if (name === undefined || name.end + 2 > payload.byteLength) return undefined;
  const count = payload.readUInt16BE(name.end);
  const start = name.end + 2;
  if (payload.byteLength !== start + count * 2) return undefined;
  return { name: name.value, wanted: Array.from({ length: count }, (_, n) => payload.readUInt16BE(start + n * 2)) };
}

/** What LIST_META_CONTEXT and SET_META_CONTEXT carry; nothing where it is malformed. */
export function metaContextRequest(payload: Buffer): { readonly name: string; readonly queries: string[] } | undefined {
  const name = text(payload, 0);
  if (name === undefined || name.end + 4 > payload.byteLength) return undefined;
  const queries: string[] = [];
  let at = name.end + 4;
  for (let left = payload.readUInt32BE(name.end); left > 0; left--) {
    const query = text(payload, at);
    if (query === undefined) return undefined;
    queries.push(query.value);
    at = query.end;
  }
  return at === payload.byteLength ? { name: name.value, queries } : undefined;
}
