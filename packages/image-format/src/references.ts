import type { Backend, CallOptions } from "@instar/backend";

import { ImageError } from "./image-error.js";
import { quote } from "./rule-error.js";

/** Another file that an image names. Formats add what else they know of it. */
export interface ImageReference {
  /** What it is to the image: a part of the disk, all of its data, or the parent. */
  readonly kind: "extent" | "data-file" | "backing";
  /** Its name; relative names count from the directory of the image. Hostile input. */
  readonly name: string;
  /** What to open it as; `undefined` where the image does not tell. */
  readonly format: string | undefined;
  /** The name of the image that names it. */
  readonly image: string;
  /** How deep in the chain the file is: 1 for what the top image names. */
  readonly depth: number;
}

/**
 * Opens what an image names, or throws. Resolves with the file itself for an extent or a data file, and with what the guest
 * would see in it for a parent. Whoever opens images in it passes on `depth`, and looks out for files that name each other.
 */
export type ReferenceGate<Reference extends ImageReference = ImageReference> = (
  reference: Reference,
  options: CallOptions,
) => Promise<Backend>;

const WORDS = { extent: "extent", "data-file": "data file", backing: "backing file" } as const;

/** Longest chain of images. */
const MAX_DEPTH = 200;

/**
 * Opens what an image names through the gate.
 *
 * @param format of the image that names it, for errors
 * @throws {@link ImageError} `ERR_REFERENCE_DENIED` without a gate, or where the chain is too long; what the gate throws
 */
export async function openReference<Reference extends ImageReference>(
  format: string,
  reference: Reference,
  gate: ReferenceGate<Reference> | undefined,
  options: CallOptions,
): Promise<Backend> {
  if (!gate) throw denied(format, reference, "what an image names is opened only through `openReferenced`");
  if (reference.depth > MAX_DEPTH) throw denied(format, reference, `a chain has ${MAX_DEPTH} images at most`);
  return gate(reference, options);
}

function denied(format: string, { kind, name, image }: ImageReference, rule: string): ImageError {
  const word = WORDS[kind];
  const message = `${image}: its ${word} ${quote(name)} is not opened: ${rule}`;
  return new ImageError(format, "ERR_REFERENCE_DENIED", message, { field: word, value: name, rule });
}
