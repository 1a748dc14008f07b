import type { ImageReference, ReferenceGate as Gate } from "@instar/image-format";

/** The parent that a differencing image names. */
export interface ParentReference extends ImageReference {
  readonly kind: "backing";
  /** All names that the image gives it, those that travel best first: relative, absolute, without a path. `name` is the first. */
  readonly names: readonly string[];
  /** The image does not tell. */
  readonly format: undefined;
  /** The UUID that it has if it is a VHD. */
  readonly uuid: string;
}

/** Opens the parent, or throws. */
export type ReferenceGate = Gate<ParentReference>;
