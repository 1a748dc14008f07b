import type { Backend } from "@instar/backend";
import type { Run } from "./runs.js";
import { isZero } from "./zeroes.js";

/** A run that has to be written, as data or as zeroes. */
export interface Piece extends Run {
  readonly kind: "data" | "zero";
}

/** How to tell what has to be written. */
export interface PieceRules {
  /** What the target shows where nothing has been written to it; absent where it shows zeroes. */
  readonly base?: Backend | undefined;
  /** The target, and what is below it, is known to read as zeroes (or as `base`) so far. */
  readonly targetIsClear: boolean;
  /** Zeroes are looked for, and left out, in units of this many bytes; 0 writes out everything. */
  readonly sparse: number;
}

/** What is to be done with a unit of the disk. */
type Kind = Piece["kind"] | "nothing";

/** Fills a buffer from a disk, with zeroes where there is none. */
export async function fill(
  target: Buffer,
  from: Backend | undefined,
  offset: number,
  signal: AbortSignal,
): Promise<void> {
  const length = from ? Math.max(0, Math.min(target.byteLength, from.size - offset)) : 0;
  target.fill(0, length);
  if (from && length > 0) await from.read(target.subarray(0, length), offset, { signal });
}

/** What of a run has to be written; neighbours of one kind together. */
export function* pieces(rules: PieceRules, run: Run, bytes: Buffer, old: Buffer): Generator<Piece> {
  const end = run.offset + run.length;
  const unit = rules.sparse || Infinity;
  let kind: Kind = "nothing";
  let begin = run.offset;
  for (let at = run.offset; at < end;) {
    const next = Math.min(end, at - (at % unit) + unit);
    const found = kindOf(rules, bytes, old, at - run.offset, next - run.offset);
    if (found !== kind) {
      if (kind !== "nothing") yield { offset: begin, length: at - begin, kind };
      kind = found;
      begin = at;
    }
    at = next;
  }
  if (kind !== "nothing") yield { offset: begin, length: end - begin, kind };
}

function kindOf(rules: PieceRules, bytes: Buffer, old: Buffer, start: number, end: number): Kind {
  if (rules.sparse === 0) return "data";
  if (rules.base && rules.targetIsClear && bytes.compare(old, start, end, start, end) === 0) return "nothing";
  if (!isZero(bytes, start, end)) return "data";
  return rules.targetIsClear && !rules.base ? "nothing" : "zero";
}
