import type { ImageReference, ReferenceGate as Gate } from "@instar/image-format";

/** The parent that a differencing image names. */
export interface ParentReference extends ImageReference {
  readonly kind: "backing";
  /** All names that the image gives it, those that travel best first: relative, absolute, on the volume. `name` is the first. */
  readonly names: readonly string[];
  /** The image does not tell. */
  readonly format: undefined;
  /** The GUIDs of which it has one if it is a VHDX that has not changed since. */
  readonly linkage: readonly string[];
}

/** Opens the parent, or throws. */
export type ReferenceGate = Gate<ParentReference>;
