/**
 * Why an image was refused.
 *
 * - `ERR_NOT_THIS_FORMAT`: the file is no image of the format;
 * - `ERR_UNSUPPORTED_VERSION`: a version of the format that its package does not know;
 * - `ERR_UNKNOWN_FEATURE`: something that the image needs and nobody here knows;
 * - `ERR_UNSUPPORTED_FEATURE`: something that the format has and its package does not read;
 * - `ERR_ENCRYPTED`: what the guest sees is encrypted, and no passphrase is given;
 * - `ERR_WRONG_PASSPHRASE`: it is encrypted, and the passphrase does not open it;
 * - `ERR_INVALID_HEADER`: a field of a header breaks its rule;
 * - `ERR_TRUNCATED`: the file ends before what the image says it holds;
 * - `ERR_CORRUPT`: a checksum, a table or a block contradicts the format;
 * - `ERR_REFERENCE_DENIED`: the image names another file, and the gate did not let it be opened;
 * - `ERR_PARENT_MISMATCH`: what was opened as the parent is not the one that the image was made over;
 * - `ERR_INVALID_OPTION`: an option of the caller breaks its rule.
 */
export type ImageErrorCode =
  | "ERR_NOT_THIS_FORMAT"
  | "ERR_UNSUPPORTED_VERSION"
  | "ERR_UNKNOWN_FEATURE"
  | "ERR_UNSUPPORTED_FEATURE"
  | "ERR_ENCRYPTED"
  | "ERR_WRONG_PASSPHRASE"
  | "ERR_INVALID_HEADER"
  | "ERR_TRUNCATED"
  | "ERR_CORRUPT"
  | "ERR_REFERENCE_DENIED"
  | "ERR_PARENT_MISMATCH"
  | "ERR_INVALID_OPTION";

/** Fields of an {@link ImageError}. */
export interface ImageErrorInit {
  /** The field that breaks a rule, by its name in the specification. */
  readonly field?: string | undefined;
  /** What the field holds. */
  readonly value?: number | bigint | string | undefined;
  /** The rule it breaks. */
  readonly rule?: string | undefined;
  /** What went wrong underneath. */
  readonly cause?: unknown;
}

/**
 * Says what about an image is not as it must be.
 *
 * Check it with {@link isImageError}: packages of different versions may each have their own copy of the class.
 */
export class ImageError extends Error {
  /** The format whose rule is broken, such as `vhd`. */
  readonly format: string;
  /** Why, for programs. */
  readonly code: ImageErrorCode;
  /** The field that breaks a rule. */
  readonly field: string | undefined;
  /** What the field holds. */
  readonly value: number | bigint | string | undefined;
  /** The rule it breaks. */
  readonly rule: string | undefined;

  constructor(format: string, code: ImageErrorCode, message: string, init: ImageErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "ImageError";
    this.format = format;
    this.code = code;
    this.field = init.field;
    this.value = init.value;
    this.rule = init.rule;
  }
}

/** Tells an {@link ImageError}, from whichever copy of this package, optionally of one code. */
export function isImageError(error: unknown, code?: ImageErrorCode): error is ImageError {
  if (!(error instanceof Error) || error.name !== "ImageError") return false;
  const its = "code" in error ? error.code : undefined;
  return typeof its === "string" && (code === undefined || its === code);
}
