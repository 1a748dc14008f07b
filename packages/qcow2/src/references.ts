import type { Backend, CallOptions } from "@instar/backend";

import { Qcow2Error, quote } from "./errors.js";
import { backingFileName, backingFormat, type Qcow2Header } from "./header.js";

/** Another file that an image names. */
export interface ImageReference {
  /** What it is to the image. */
  readonly kind: "backing" | "data-file";
  /** Its name, as it stands in the image; relative names count from the directory of the image. */
  readonly name: string;
  /** Its format, if the image tells. */
  readonly format: string | undefined;
  /** The name of the image that names it. */
  readonly image: string;
  /** How deep in the chain the file is: 1 for what the top image names. */
  readonly depth: number;
  /** Whether it is going to be written to: only the data file of an image that is. */
  readonly write: boolean;
}

/**
 * Opens what an image names, or throws. Resolves with what the guest would see in it: an image for a qcow2 file, the
 * file itself for a raw one. Whoever opens images in it passes on `depth`, and looks out for files that name each other.
 */
export type ReferenceGate = (reference: ImageReference, options: CallOptions) => Promise<Backend>;

/** Longest chain of images. */
const MAX_DEPTH = 200;

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
  if (!gate) throw denied(image, name, "backing files are opened only through `openReferenced`, which is not given");
  if (depth >= MAX_DEPTH) throw denied(image, name, `a chain has ${MAX_DEPTH} backing images at most`);
  return gate({ kind: "backing", name, format: backingFormat(header), image, depth: depth + 1, write: false }, options);
}

function denied(image: string, name: string, rule: string): Qcow2Error {
  const message = `${image}: its backing file ${quote(name)} is not opened: ${rule}`;
  return new Qcow2Error("ERR_REFERENCE_DENIED", message, { field: "backing file", value: name, rule });
}
