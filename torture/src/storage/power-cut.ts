import { BytesInMemory } from "./bytes-in-memory.ts";
import { CrashFile } from "./crash-file.ts";
import type { Change } from "./log.ts";

const SECTOR = 512;

/** Whether a piece (a sector of a write, or a whole truncate) of a change that no sync covers has reached the disk. */
export type Fate = (change: Change, index: number) => boolean;

/**
 * What a power cut may leave of the files of a log. Moments ascend: what a sync has covered is laid down once and for
 * all, so that the image of a cut costs no more than the changes since.
 */
export class PowerCut {
  readonly #changes: readonly Change[];
  readonly #durable: readonly BytesInMemory[];
  readonly #writeZeroes: boolean;
  /** The first change that has not begun. */
  #next = 0;
  /** Changes that have begun and are not durable. */
  #pending: Change[] = [];
  #syncs: Change[] = [];

  constructor(changes: readonly Change[], files: number, writeZeroes: boolean) {
    this.#changes = changes;
    this.#durable = Array.from({ length: files }, () => new BytesInMemory());
    this.#writeZeroes = writeZeroes;
  }

  /** Goes on to a later moment. */
  advance(moment: number): void {
    for (let change = this.#changes[this.#next]; change && change.begin <= moment;) {
      (change.kind === "sync" ? this.#syncs : this.#pending).push(change);
      change = this.#changes[++this.#next];
    }
    const ended = this.#syncs.filter(({ end }) => end <= moment).toSorted((a, b) => a.end - b.end);
    if (ended.length === 0) return;
    this.#syncs = this.#syncs.filter(({ end }) => end > moment);
    for (const sync of ended) this.#layDown(sync);
  }

  /** How many changes may be lost. */
  get undecided(): number {
    return this.#pending.length;
  }

  /** The undecided change of a number. */
  change(index: number): Change | undefined {
    return this.#pending[index];
  }

  /** The files as they are after a cut at this moment. */
  files(fate: Fate): CrashFile[] {
    const files = this.#durable.map((bytes) => new CrashFile(bytes.view, this.#writeZeroes));
    for (const change of this.#pending) {
      const file = files[change.file];
      if (file) strike(file, change, fate);
    }
    return files;
  }

  #layDown(sync: Change): void {
    const rest: Change[] = [];
    for (const change of this.#pending) {
      const file = this.#durable[change.file];
      if (change.file !== sync.file || change.end > sync.begin || !file) rest.push(change);
      else if (change.kind === "write") file.write(change.bytes, change.offset);
      else if (change.kind === "zero") file.zero(change.offset, change.length);
      else file.resize(change.offset);
    }
    this.#pending = rest;
  }
}

function strike(file: CrashFile, change: Change, fate: Fate): void {
  if (change.kind === "truncate") {
    if (fate(change, 0)) file.resize(change.offset);
    return;
  }
  for (let at = 0, index = 0; at < change.length; index++) {
    const stop = Math.min(change.length, at + SECTOR - ((change.offset + at) % SECTOR));
    if (fate(change, index)) {
      if (change.kind === "write") file.put(change.bytes.subarray(at, stop), change.offset + at);
      else file.zero(change.offset + at, stop - at);
    }
    at = stop;
  }
}
