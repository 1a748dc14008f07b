import { ExtendedEntries } from "./l2-extended.js";
import type { L2Entry } from "./l2-entry.js";
import { StandardEntries } from "./l2-standard.js";

/** A part of an L2 entry that breaks a rule. */
export interface EntryProblem {
  readonly part: "L2 entry" | "subcluster bitmap";
  /** What it holds, as text. */
  readonly value: string;
  /** Completes the sentence "must …". */
  readonly rule: string;
}

/** How the entries of an L2 table are laid out: all that depends on whether they are extended. */
export interface L2Codec {
  /** Bytes of an entry. */
  readonly entrySize: number;
  /** The mask of all subclusters of a cluster. */
  readonly all: number;

  /** Takes the entry at `position` of table bytes apart. Checks nothing: see {@link problem}. */
  decode(view: DataView, position: number): L2Entry;

  /**
   * Writes an entry into table bytes.
   *
   * @throws RangeError where a compressed cluster is longer than its descriptor can tell
   */
  write(view: DataView, position: number, entry: L2Entry): void;

  /** Whether the entry says nothing at all. */
  isEmpty(view: DataView, position: number): boolean;

  /**
   * Counts the subclusters from `first` of an entry on that are of its kind and whose host bytes follow one another;
   * looks at the entries behind it too, up to `most` subclusters. The entry breaks no rule and is not compressed; those
   * behind it that are counted break none either, as far as the end of the file is left aside.
   */
  countAlike(view: DataView, position: number, first: number, most: number): number;

  /**
   * What of an entry breaks a rule.
   *
   * @param fileSize size of the image file in bytes
   */
  problem(view: DataView, position: number, fileSize: number): EntryProblem | undefined;

  /** The same, for all but the host offset. */
  contentProblem(view: DataView, position: number): EntryProblem | undefined;
}

/** The layout of the L2 entries of an image. */
export function l2Codec(image: {
  readonly version: number;
  readonly clusterBits: number;
  readonly extendedL2: boolean;
  /** Whether guest clusters lie in a file of their own, where offset 0 is one like any other. */
  readonly external: boolean;
}): L2Codec {
  const { version, clusterBits, extendedL2, external } = image;
  return extendedL2 ? new ExtendedEntries(clusterBits, external) : new StandardEntries(clusterBits, version, external);
}
