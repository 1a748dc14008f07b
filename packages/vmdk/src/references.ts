import type { Backend, CallOptions } from "@instar/backend";

import { quote, VmdkError } from "./errors.js";

/** Another file that an image names. */
export interface ImageReference {
  /** What it is to the image: a part of the disk, or the parent. */
  readonly kind: "extent" | "backing";
  /** Its name, as it stands in the image; relative names count from the directory of the image. */
  readonly name: string;
  /** What to open it as: extents are wanted as plain files, whatever is in them; a parent is a VMDK. */
  readonly format: "raw" | "vmdk";
  /** The name of the image that names it. */
  readonly image: string;
  /** How deep in the chain the file is: 1 for what the top image names. */
  readonly depth: number;
}

/**
 * Opens what an image names, or throws. Resolves with the file itself for an extent, and with what the guest would see in
 * it for a parent. Whoever opens images in it passes on `depth`, and looks out for files that name each other.
 */
export type ReferenceGate = (reference: ImageReference, options: CallOptions) => Promise<Backend>;

/** Longest chain of images. */
const MAX_DEPTH = 200;

/** Opens what one image names. */
export class References {
  readonly #image: string;
  readonly #depth: number;
  readonly #gate: ReferenceGate | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor(
    image: string,
    options: CallOptions & { readonly depth?: number | undefined; readonly openReferenced?: ReferenceGate | undefined },
  ) {
    this.#image = image;
    this.#depth = options.depth ?? 0;
    this.#gate = options.openReferenced;
    this.#signal = options.signal;
  }

  /** @throws {@link VmdkError} `ERR_REFERENCE_DENIED` without a gate; what the gate throws */
  extent(name: string): Promise<Backend> {
    return this.#open("extent", name, "raw");
  }

  /** @throws {@link VmdkError} `ERR_REFERENCE_DENIED` without a gate, or where the chain is too long; what the gate throws */
  parent(name: string): Promise<Backend> {
    return this.#open("backing", name, "vmdk");
  }

  async #open(kind: ImageReference["kind"], name: string, format: ImageReference["format"]): Promise<Backend> {
    if (!this.#gate) throw this.#denied(kind, name, "what an image names is opened only through `openReferenced`");
    if (this.#depth >= MAX_DEPTH) throw this.#denied(kind, name, `a chain has ${MAX_DEPTH} images at most`);
    const reference = { kind, name, format, image: this.#image, depth: this.#depth + 1 };
    return this.#gate(reference, { signal: this.#signal });
  }

  #denied(kind: ImageReference["kind"], name: string, rule: string): VmdkError {
    const word = kind === "extent" ? "extent" : "parent";
    const message = `${this.#image}: its ${word} ${quote(name)} is not opened: ${rule}`;
    return new VmdkError("ERR_REFERENCE_DENIED", message, { field: word, value: name, rule });
  }
}
