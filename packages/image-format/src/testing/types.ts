import type { Backend } from "@instar/backend";

import type { DamageLimits } from "./damage.js";

/** An image whose content is known. */
export interface ImageSample {
  /** In the titles of tests. */
  readonly name: string;
  /** The bytes of the file. */
  readonly file: Uint8Array;
  /** Other files that hold its data, by the names that it gives them. */
  readonly others?: ReadonlyMap<string, Uint8Array> | undefined;
  /** What the guest sees. */
  readonly disk: Uint8Array;
  /** Ranges of the file that hold tables and headers, where damage is worth trying; defaults to the whole file. */
  readonly metadata?: readonly { readonly begin: number; readonly end: number }[] | undefined;
}

/** A reader of images of one format. */
export interface ImageFactory {
  /** Names the format, in the titles of tests. */
  readonly format: string;
  /** Images, of each kind that the format has. */
  readonly samples: readonly ImageSample[];
  /** Opens a file as an image, which owns it from then on; where that fails the file stays open. */
  open(file: Backend, openOther: (name: string) => Promise<Backend>): Promise<Backend>;
  /** Tells whether a file is of this format. */
  probe?(file: Backend): Promise<boolean>;
  /** What a damaged file may cost. */
  readonly limits?: DamageLimits | undefined;
}

/** What can be changed about the random tests. */
export interface ImageKitOptions {
  /** Replays the run whose failure named this seed: an integer. Defaults to a random one. */
  readonly seed?: number | undefined;
  /** How many files are damaged at random. Defaults to 300. */
  readonly rounds?: number | undefined;
}
