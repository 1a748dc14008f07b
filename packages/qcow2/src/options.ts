import type { Backend, CallOptions } from "@instar/backend";
import type { CacheEvent } from "@instar/lru-cache";

import type { LuksFormatOptions } from "@instar/luks";

import type { CreateLayoutOptions } from "./create-options.js";
import type { Qcow2Key } from "./guest-cipher.js";
import type { ReferenceGate } from "./references.js";
import type { CacheLimits } from "./tables.js";

/** What may be said about the caches of an image. */
export interface Qcow2CacheOptions {
  /** How much of the tables to keep in memory. */
  readonly caches?: CacheLimits | undefined;
  /** Is told what happens in the caches, as it happens. Must not throw. */
  readonly observer?: ((event: CacheEvent<number>) => void) | undefined;
}

/** What may be said about how an image works while it is open. */
export interface EngineOptions extends Qcow2CacheOptions {
  /**
   * What becomes of host clusters that are free again, once that is durable: `unmap` discards them in the file, where the
   * file can do that, so that they take no space; `ignore` keeps them for the image. Defaults to `unmap`.
   */
  readonly discard?: "ignore" | "unmap" | undefined;
  /**
   * Whether what is read from the backing image is written into this layer, so that it is read from there only once. Needs
   * `write`. Defaults to `false`.
   */
  readonly copyOnRead?: boolean | undefined;
}

/** How to open an image. */
export interface Qcow2OpenOptions extends CallOptions, EngineOptions {
  /** Whether it may be written to. Defaults to `false`. */
  readonly write?: boolean | undefined;
  /**
   * The backing image, instead of what the image names: what the guest would see in it. `"ignore"` opens none, and
   * what only the backing image has reads as zeroes.
   */
  readonly backing?: Backend | "ignore" | undefined;
  /**
   * The external data file, instead of what the image names. The image owns it, as it does `backing`, once it is open.
   */
  readonly dataFile?: Backend | undefined;
  /** What opens an encrypted image. Without it such an image is refused. */
  readonly encryption?: Qcow2Key | undefined;
  /**
   * Opens neither data file nor encryption: what the image says about itself can be had, and what it stores not.
   * Defaults to `false`.
   */
  readonly metadataOnly?: boolean | undefined;
  /** Opens what the image names. By default nothing is opened: an image that names a backing file is refused. */
  readonly openReferenced?: ReferenceGate | undefined;
  /** How many images of the chain stand above this one; defaults to 0. Gates pass on what they are told. */
  readonly depth?: number | undefined;
}

/** How to encrypt a new image. */
export type NewEncryption = Omit<LuksFormatOptions, "signal"> & { readonly format: "luks" };

/** What a new image is to be. */
export interface Qcow2CreateOptions extends CreateLayoutOptions, CallOptions, EngineOptions {
  /**
   * What `backing` names, opened: the guest's view of it. It must be given where `backing` is, for the new image can be
   * used at once; where nobody will, an empty memory backend does.
   */
  readonly backingBackend?: Backend | undefined;
  /**
   * Where to keep guest data, if not in the image: the name as the image will give it, and the file itself, whose content
   * is lost. With `raw` that file always is the disk as the guest sees it, and every cluster is mapped at once. Needs
   * version 3; `raw` goes with no backing image.
   */
  readonly dataFile?:
    | { readonly name: string; readonly raw?: boolean | undefined; readonly backend: Backend }
    | undefined;
  /** To encrypt guest data with LUKS: the passphrase, and what the LUKS header says. Goes with no raw data file. */
  readonly encryption?: NewEncryption | undefined;
}

/** How to write compressed clusters. */
export interface CompressedWriteOptions extends CallOptions {
  /**
   * Whether clusters may get their places in the file in the order in which they are ready, rather than in that of the
   * disk. Defaults to `false`.
   */
  readonly unordered?: boolean | undefined;
}
