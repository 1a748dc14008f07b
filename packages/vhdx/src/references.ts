import type { Backend, CallOptions } from "@instar/backend";

import { quote, VhdxError } from "./errors.js";

/** The parent that a differencing image names. */
export interface ImageReference {
  /** What it is to the image. */
  readonly kind: "backing";
  /** Its name: the first of `names`. Relative names count from the directory of the image. */
  readonly name: string;
  /** All names that the image gives it, those that travel best first: relative, absolute, on the volume. */
  readonly names: readonly string[];
  /** Its format, which the image does not tell. */
  readonly format: undefined;
  /** The GUIDs of which it has one if it is a VHDX that has not changed since. */
  readonly linkage: readonly string[];
  /** The name of the image that names it. */
  readonly image: string;
  /** How deep in the chain the file is: 1 for what the top image names. */
  readonly depth: number;
}

/**
 * Opens what an image names, or throws. Resolves with what the guest would see in it. Whoever opens images in it passes
 * on `depth`, and looks out for files that name each other.
 */
export type ReferenceGate = (reference: ImageReference, options: CallOptions) => Promise<Backend>;

/** Longest chain of images. */
const MAX_DEPTH = 200;

/**
 * Opens the parent through the gate.
 *
 * @throws {@link VhdxError} `ERR_REFERENCE_DENIED` without a gate, or where the chain is too long; what the gate throws
 */
export function openParent(
  parent: { readonly names: readonly string[]; readonly linkage: readonly string[] },
  image: string,
  depth: number,
  gate: ReferenceGate | undefined,
  options: CallOptions,
): Promise<Backend> {
  const { names, linkage } = parent;
  const [name = ""] = names;
  if (!gate) throw denied(image, name, "parents are opened only through `openReferenced`, which is not given");
  if (depth >= MAX_DEPTH) throw denied(image, name, `a chain has ${MAX_DEPTH} parents at most`);
  return gate({ kind: "backing", name, names, format: undefined, linkage, image, depth: depth + 1 }, options);
}

function denied(image: string, name: string, rule: string): VhdxError {
  const message = `${image}: its parent ${quote(name)} is not opened: ${rule}`;
  return new VhdxError("ERR_REFERENCE_DENIED", message, { field: "parent", value: name, rule });
}
