import type { Backend, CallOptions } from "@instar/backend";
import type { Qcow2Image } from "@instar/qcow2";
import type { ImageSpec } from "../names/image-spec.js";
import type { Described } from "./described.js";

/** Another file that an image names. */
export interface NamedReference {
  readonly kind: "backing" | "data-file" | "extent";
  /** As it stands in the image. */
  readonly name: string;
  /** All names that the image gives it, where it gives several; `name` is the first. */
  readonly names?: readonly string[];
  /** Its format, if the image tells. */
  readonly format: string | undefined;
}

/** How to open an image of a format. */
export interface OpenHow {
  readonly write: boolean;
  /** Whether to write into it what is read from below it. */
  readonly copyOnRead: boolean;
  /** How many images of the chain stand above it. */
  readonly depth: number;
  /** What stands below it, instead of what it names; `"ignore"` opens nothing. */
  readonly backing: Backend | "ignore" | undefined;
  /** Opens what it names. */
  readonly openReferenced: (reference: NamedReference, options: CallOptions) => Promise<Backend>;
  /** What to call a file that it names. */
  readonly placeOf: (reference: NamedReference) => string;
  /** To open neither data files nor encryption: only what it says about itself is asked for. */
  readonly metadataOnly: boolean;
  /** Reads the secret that opens it, where the user names one. */
  readonly passphrase: (() => Promise<Uint8Array>) | undefined;
  /** Bytes of caches of a qcow2 image. */
  readonly caches: ImageSpec["caches"];
  readonly signal: AbortSignal;
}

/** An image of a format, open. */
export interface OpenedFormat {
  /** What the guest sees. Closing it closes the file and what is below. */
  readonly disk: Backend;
  /** The same, where it is a qcow2 image. */
  readonly qcow2?: Qcow2Image;
  /** What `info` tells of it, where it is none. */
  readonly described?: Described;
}

/** Opens a file as an image of one format. Where it fails, the file stays open. */
export type OpenFormat = (file: Backend, how: OpenHow) => Promise<OpenedFormat>;
