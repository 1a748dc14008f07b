/** A run of bytes that was changed: in memory, in the spill, or zeroes where it is in neither. */
export interface Piece {
  start: number;
  /** First byte behind it. */
  end: number;
  bytes: Uint8Array | undefined;
  /** Where in the spill it begins. */
  at: number | undefined;
}

/** What a piece costs beside its bytes. */
const overhead = 128;

/** Changed bytes by their offsets: pieces in ascending order that do not overlap. */
export class PieceMap {
  #pieces: Piece[] = [];
  /** Bytes of memory that the pieces take. */
  memory = 0;

  /** The pieces. */
  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** Puts a piece in the place of whatever it covers. */
  put(piece: Piece): void {
    const first = this.#firstBehind(piece.start);
    const covering = this.#pieces[first];
    if (piece.bytes && covering?.bytes && covering.start <= piece.start && covering.end >= piece.end) {
      covering.bytes.set(piece.bytes, piece.start - covering.start);
      return;
    }
    let last = first;
    const rest: Piece[] = [];
    for (let over = this.#pieces[last]; over && over.start < piece.end; over = this.#pieces[++last]) {
      this.memory -= costOf(over);
      if (over.start < piece.start) rest.push(cut(over, over.start, piece.start));
      if (over.end > piece.end) rest.push(cut(over, piece.end, over.end));
    }
    const found = [...rest, piece].sort((a, b) => a.start - b.start);
    for (const each of found) this.memory += costOf(each);
    this.#pieces.splice(first, last - first, ...found);
  }

  /** Says that the bytes of a piece are in the spill, from `at` on. */
  spilled(piece: Piece, at: number): void {
    this.memory -= costOf(piece);
    piece.bytes = undefined;
    piece.at = at;
    this.memory += costOf(piece);
  }

  /** The pieces that have a byte of a range. */
  within(start: number, end: number): readonly Piece[] {
    const first = this.#firstBehind(start);
    let last = first;
    while ((this.#pieces[last]?.start ?? end) < end) last++;
    return this.#pieces.slice(first, last);
  }

  /** Index of the first piece that ends behind `offset`. */
  #firstBehind(offset: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#pieces[middle]?.end ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function costOf(piece: Piece): number {
  return overhead + (piece.bytes?.byteLength ?? 0);
}

/** A part of a piece. It has a copy of its bytes, so that the others can go. */
function cut({ start, bytes, at }: Piece, from: number, to: number): Piece {
  return {
    start: from,
    end: to,
    bytes: bytes?.slice(from - start, to - start),
    at: at === undefined ? undefined : at + from - start,
  };
}
