/** One part of a new version: made of new bytes, or copied by the store from the same place of the old version. */
export interface PlannedPart {
  readonly start: number;
  /** First byte behind it. */
  readonly end: number;
  readonly copy: boolean;
}

/** What a store asks of parts, in bytes and by number. */
export interface PartRules {
  /** Least size of a part that is not the last. */
  readonly least: number;
  /** Most bytes that one copy takes. */
  readonly mostCopied: number;
  /** Most parts. */
  readonly parts: number;
  /** How many new bytes a part should have; they are in memory while it is sent. */
  readonly upload: number;
  /** Whether all parts but the last must have the same size. */
  readonly equal: boolean;
}

/** A range of bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts a version of `size` bytes into parts. `changed` are the ranges, in ascending order, that are not as in the old
 * version; what lies beyond its end is among them.
 *
 * The bytes are divided into cells of the least size (or doubles of it, until there are few enough parts): runs of cells
 * with a change are sent, runs of others copied. So each part but the last has the least size at least. Where all must have
 * the same, each cell is a part, and as large as new bytes should be at least.
 */
export function planParts(size: number, changed: readonly ByteRange[], rules: PartRules): PlannedPart[] {
  for (let cell = rules.equal ? Math.max(rules.least, rules.upload) : rules.least; ; cell *= 2) {
    const parts = partsOf(size, changed, cell, rules);
    if (parts.length <= rules.parts) return parts;
  }
}

function partsOf(size: number, changed: readonly ByteRange[], cell: number, rules: PartRules): PlannedPart[] {
  const parts: PlannedPart[] = [];
  const upload = cell * Math.max(1, Math.floor(rules.upload / cell));
  const copied = rules.equal ? cell : cell * Math.max(1, Math.floor(rules.mostCopied / cell));
  const add = (start: number, end: number, copy: boolean): void => {
    const step = copy ? copied : upload;
    for (let at = start; at < end; at += step) parts.push({ start: at, end: Math.min(at + step, end), copy });
  };
  let done = 0;
  for (const { start, end } of cellRuns(size, changed, cell)) {
    add(done, start, true);
    add(start, end, false);
    done = end;
  }
  add(done, size, true);
  return parts;
}

/** The runs of cells with a change. */
function* cellRuns(size: number, changed: readonly ByteRange[], cell: number): Generator<ByteRange> {
  let run: { start: number; end: number } | undefined;
  for (const range of changed) {
    if (range.start >= size) break;
    const start = Math.floor(range.start / cell) * cell;
    const end = Math.min(Math.ceil(range.end / cell) * cell, size);
    if (run && start <= run.end) {
      run.end = Math.max(run.end, end);
    } else {
      if (run) yield run;
      run = { start, end };
    }
  }
  if (run) yield run;
}
