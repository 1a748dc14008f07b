import { BackendError } from "@instar/backend";
import { type Piece, PieceMap } from "./piece-map.js";
import type { Spill } from "./spill.js";

/** A run of bytes, and the piece that has them; without one they are as before. */
export interface Run {
  readonly start: number;
  /** First byte behind it. */
  readonly end: number;
  readonly piece: Piece | undefined;
}

/**
 * What was changed since the last version: in memory up to a bound, then in the spill. `freeze` sets aside what a
 * publication takes, and what is written meanwhile lies over that.
 */
export class Changes {
  readonly #name: string;
  readonly #bound: number;
  readonly #spill: Spill | undefined;
  #top = new PieceMap();
  #frozen: PieceMap | undefined;
  /** While memory is being emptied nothing else changes; whoever waited for that looks again, since another may have begun. */
  #emptying: Promise<void> | undefined;

  constructor(name: string, bound: number, spill: Spill | undefined) {
    this.#name = name;
    this.#bound = bound;
    this.#spill = spill;
  }

  /** Whether there are none. */
  get empty(): boolean {
    return this.#top.pieces.length === 0 && !this.#frozen?.pieces.length;
  }

  /**
   * Keeps a copy of `source`. Nothing has changed when it rejects.
   *
   * @throws {@link BackendError} `ERR_NO_SPACE` when memory is full and there is no spill, and whatever the spill throws.
   */
  async write(source: Uint8Array, offset: number): Promise<void> {
    const piece: Piece = { start: offset, end: offset + source.byteLength, bytes: undefined, at: undefined };
    while (this.#emptying) await settled(this.#emptying);
    if (this.#memory + source.byteLength > this.#bound) {
      if (!this.#spill) {
        const message = `${this.#name}: more than ${this.#bound} bytes were changed since the last sync, and there is no spill`;
        throw new BackendError("ERR_NO_SPACE", message);
      }
      this.#emptying = this.#makeRoom(this.#spill, source, piece);
      try {
        await this.#emptying;
      } finally {
        this.#emptying = undefined;
      }
    }
    // Not by `slice`, which of a `Buffer` is no copy.
    if (piece.at === undefined) piece.bytes = new Uint8Array(source);
    this.#top.put(piece);
  }

  /** Makes a range zeroes. */
  async zero(start: number, end: number): Promise<void> {
    while (this.#emptying) await settled(this.#emptying);
    if (end > start) this.#top.put({ start, end, bytes: undefined, at: undefined });
  }

  /** Sets aside what there is. */
  freeze(): void {
    this.#frozen = this.#top;
    this.#top = new PieceMap();
  }

  /** What was set aside is a version now. */
  async published(): Promise<void> {
    while (this.#emptying) await settled(this.#emptying);
    this.#frozen = undefined;
    if (this.#top.pieces.every(({ at }) => at === undefined)) await this.#spill?.clear();
  }

  /** What was set aside is to be kept. */
  async thaw(): Promise<void> {
    while (this.#emptying) await settled(this.#emptying);
    if (!this.#frozen) return;
    const newer = this.#top.pieces;
    this.#top = this.#frozen;
    this.#frozen = undefined;
    for (const piece of newer) this.#top.put(piece);
  }

  /** What a range consists of, as of this moment. */
  runs(start: number, end: number): Run[] {
    const over = runsOf(this.#top, start, end);
    return over.flatMap((run) => (run.piece ? [run] : this.frozenRuns(run.start, run.end)));
  }

  /** The same without what was changed since `freeze`. */
  frozenRuns(start: number, end: number): Run[] {
    return this.#frozen ? runsOf(this.#frozen, start, end) : [{ start, end, piece: undefined }];
  }

  /** Fills `target` with what a run of a piece has. */
  async read(target: Uint8Array, { start, piece }: Run, signal: AbortSignal | undefined): Promise<void> {
    if (piece?.bytes) target.set(piece.bytes.subarray(start - piece.start, start - piece.start + target.byteLength));
    else if (piece?.at === undefined) target.fill(0);
    else await this.#spill?.read(target, piece.at + start - piece.start, signal);
  }

  get #memory(): number {
    return this.#top.memory + (this.#frozen?.memory ?? 0);
  }

  /** Empties memory into the spill, and puts there at once what is larger than all of memory. */
  async #makeRoom(spill: Spill, source: Uint8Array, piece: Piece): Promise<void> {
    for (const map of [this.#top, this.#frozen]) {
      for (const each of map?.pieces ?? []) {
        if (!each.bytes) continue;
        const at = await spill.append(each.bytes);
        map?.spilled(each, at);
      }
    }
    if (source.byteLength > this.#bound) piece.at = await spill.append(source);
  }
}

function settled(work: Promise<void>): Promise<void> {
  return work.catch(() => undefined);
}

function runsOf(map: PieceMap, start: number, end: number): Run[] {
  const runs: Run[] = [];
  let at = start;
  for (const piece of map.within(start, end)) {
    if (piece.start > at) runs.push({ start: at, end: piece.start, piece: undefined });
    const from = Math.max(at, piece.start);
    at = Math.min(end, piece.end);
    runs.push({ start: from, end: at, piece });
  }
  if (at < end) runs.push({ start: at, end, piece: undefined });
  return runs;
}
