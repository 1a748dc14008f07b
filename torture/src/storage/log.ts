/** One change of a file, or a sync of it, and when it was under way. */
export interface Change {
  readonly file: number;
  readonly kind: "write" | "zero" | "truncate" | "sync";
  /** Where; of a truncate the new size. */
  readonly offset: number;
  readonly length: number;
  /** What was written; empty for everything else. */
  readonly bytes: Uint8Array;
  readonly begin: number;
  /** Infinity while it is under way. */
  end: number;
}

/** What happens to the files of a disk and to the disk, in the order of one clock. */
export class Log {
  #now = 0;
  readonly changes: Change[] = [];

  tick(): number {
    return ++this.#now;
  }

  begin(what: Omit<Change, "begin" | "end">): Change {
    const change: Change = { ...what, begin: this.tick(), end: Infinity };
    this.changes.push(change);
    return change;
  }

  end(change: Change): void {
    change.end = this.tick();
  }
}
