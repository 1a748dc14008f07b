import { type Backend, type Extent, extentsOf } from "@instar/backend";

/** Reads what an image does not have from its parent, which may be shorter, or missing: zeroes stand in for the rest. */
export async function readBelow(
  parent: Backend | undefined,
  target: Uint8Array,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const present = below(parent, offset, target.length);
  target.fill(0, present);
  if (present > 0) await parent?.read(target.subarray(0, present), offset, { signal });
}

/** The extents of what an image does not have: those of the parent, and a hole where it has ended. */
export async function* extentsBelow(
  parent: Backend | undefined,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Extent> {
  const present = below(parent, offset, length);
  if (parent && present > 0) yield* extentsOf(parent, offset, present, { signal });
  if (present < length) yield { offset: offset + present, length: length - present, kind: "hole" };
}

/** How much of a range the parent has. */
function below(parent: Backend | undefined, offset: number, length: number): number {
  return Math.max(0, Math.min(length, (parent?.size ?? 0) - offset));
}
