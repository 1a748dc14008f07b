import { type Backend, type CallOptions, type Extent, extentsOf } from "@instar/backend";

/** A range of bytes, `end` not included. */
export interface Span {
  readonly offset: number;
  readonly end: number;
}

/**
 * The extents of a range of the backend, with `data` over what is dirty above it, and a hole where the backend has not
 * grown so far yet.
 *
 * @param dirty ascending, without overlaps.
 */
export async function* mergedExtents(
  backend: Backend,
  range: Span,
  dirty: readonly Span[],
  options: CallOptions,
): AsyncGenerator<Extent> {
  const end = Math.min(range.end, Math.max(backend.size, range.offset));
  let next = 0;
  let at = range.offset;
  for await (const extent of belowAndBehind(backend, range, end, options)) {
    const extentEnd = extent.offset + extent.length;
    // What is dirty may have covered all of it already.
    while (at < extentEnd) {
      while ((dirty[next]?.end ?? Infinity) <= at) next++;
      const from = Math.max(dirty[next]?.offset ?? Infinity, at);
      if (from > at) {
        const clean = Math.min(from, extentEnd);
        yield { offset: at, length: clean - at, kind: extent.kind };
        at = clean;
      } else {
        const over = Math.min(dirty[next]?.end ?? at, range.end);
        yield { offset: at, length: over - at, kind: "data" };
        at = over;
      }
    }
  }
}

async function* belowAndBehind(
  backend: Backend,
  range: Span,
  end: number,
  options: CallOptions,
): AsyncGenerator<Extent> {
  if (end > range.offset) yield* extentsOf(backend, range.offset, end - range.offset, options);
  if (range.end > end) yield { offset: end, length: range.end - end, kind: "hole" };
}
