import type { Backend, CallOptions } from "@instar/backend";
import { type ImageReference, openReference, type ReferenceGate as Gate } from "@instar/image-format";

/** Another file that an image names. */
export interface VmdkReference extends ImageReference {
  /** What to open it as: extents are wanted as plain files, whatever is in them; a parent is a VMDK. */
  readonly format: "raw" | "vmdk";
}

/** Opens extents and parents, or throws. */
export type ReferenceGate = Gate<VmdkReference>;

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

  /** @throws {@link ImageError} `ERR_REFERENCE_DENIED` without a gate; what the gate throws */
  extent(name: string): Promise<Backend> {
    return this.#open("extent", name, "raw");
  }

  /** @throws {@link ImageError} `ERR_REFERENCE_DENIED` without a gate, or where the chain is too long; what the gate throws */
  parent(name: string): Promise<Backend> {
    return this.#open("backing", name, "vmdk");
  }

  #open(kind: VmdkReference["kind"], name: string, format: VmdkReference["format"]): Promise<Backend> {
    const reference: VmdkReference = { kind, name, format, image: this.#image, depth: this.#depth + 1 };
    return openReference("vmdk", reference, this.#gate, { signal: this.#signal });
  }
}
