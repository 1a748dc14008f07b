import type { Backend, CallOptions } from "@instar/backend";
import { type ImageReference as AnyReference, openReference, type ReferenceGate as Gate } from "@instar/image-format";

import { backingFileName, backingFormat, type Qcow2Header } from "./header.js";

/** Another file that an image names. */
export interface ImageReference extends AnyReference {
  readonly kind: "backing" | "data-file";
  /** Whether it is going to be written to: only the data file of an image that is. */
  readonly write: boolean;
}

/**
 * Opens what an image names, or throws. Resolves with what the guest would see in a backing file: an image for a qcow2
 * file, the file itself for a raw one, and for a data file.
 */
export type ReferenceGate = Gate<ImageReference>;

/**
 * Opens the backing image that a header names, through the gate.
 *
 * @returns `undefined` where it names none
 * @throws {@link Qcow2Error} `ERR_REFERENCE_DENIED` without a gate, or where the chain is too long; what the gate throws
 */
export async function openBacking(
  header: Qcow2Header,
  image: string,
  depth: number,
  gate: ReferenceGate | undefined,
  options: CallOptions,
): Promise<Backend | undefined> {
  const name = backingFileName(header);
  if (name === undefined) return undefined;
  const format = backingFormat(header);
  return openReference(
    "qcow2",
    { kind: "backing", name, format, image, depth: depth + 1, write: false },
    gate,
    options,
  );
}
