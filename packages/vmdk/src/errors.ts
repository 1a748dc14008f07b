/**
 * Why an image was refused.
 *
 * - `ERR_NOT_VMDK`: the file is no VMDK image;
 * - `ERR_UNSUPPORTED_VERSION`: a version of the format that this package does not know;
 * - `ERR_UNSUPPORTED_FEATURE`: something that the format has and this package does not read;
 * - `ERR_INVALID_HEADER`: a field of a header breaks its rule;
 * - `ERR_TRUNCATED`: the file ends before what the image says it holds;
 * - `ERR_CORRUPT`: a checksum, a table or a block contradicts the format;
 * - `ERR_REFERENCE_DENIED`: the image names another file, and the gate did not let it be opened;
 * - `ERR_PARENT_MISMATCH`: what was opened as the parent is not the one that the image was made over;
 * - `ERR_INVALID_OPTION`: an option of the caller breaks its rule.
 */
export type VmdkErrorCode =
  | "ERR_NOT_VMDK"
  | "ERR_UNSUPPORTED_VERSION"
  | "ERR_UNSUPPORTED_FEATURE"
  | "ERR_INVALID_HEADER"
  | "ERR_TRUNCATED"
  | "ERR_CORRUPT"
  | "ERR_REFERENCE_DENIED"
  | "ERR_PARENT_MISMATCH"
  | "ERR_INVALID_OPTION";

/** Fields of a {@link VmdkError}. */
export interface VmdkErrorInit {
  /** The field that breaks a rule, by its name in the specification. */
  readonly field?: string | undefined;
  /** What the field holds. */
  readonly value?: number | string | undefined;
  /** The rule it breaks. */
  readonly rule?: string | undefined;
  /** What went wrong underneath. */
  readonly cause?: unknown;
}

/**
 * Says what about an image is not as it must be.
 *
 * Check it with {@link isVmdkError}: packages of different versions may each have their own copy of the class.
 */
export class VmdkError extends Error {
  /** Why, for programs. */
  readonly code: VmdkErrorCode;
  /** The field that breaks a rule. */
  readonly field: string | undefined;
  /** What the field holds. */
  readonly value: number | string | undefined;
  /** The rule it breaks. */
  readonly rule: string | undefined;

  constructor(code: VmdkErrorCode, message: string, init: VmdkErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "VmdkError";
    this.code = code;
    this.field = init.field;
    this.value = init.value;
    this.rule = init.rule;
  }
}

/** Tells a {@link VmdkError}, from whichever copy of this package, optionally of one code. */
export function isVmdkError(error: unknown, code?: VmdkErrorCode): error is VmdkError {
  if (!(error instanceof Error) || error.name !== "VmdkError") return false;
  const its = "code" in error ? error.code : undefined;
  return typeof its === "string" && (code === undefined || its === code);
}

/**
 * The error for a field that breaks its rule.
 *
 * @param where the image, for the message
 * @param rule completes the sentence "must …"
 */
export function ruleError(
  code: VmdkErrorCode,
  where: string,
  field: string,
  value: number | string,
  rule: string,
): VmdkError {
  const shown = typeof value === "string" ? quote(value) : value;
  return new VmdkError(code, `${where}: ${field} is ${shown}, must ${rule}`, { field, value, rule });
}

/** A string from an image in quotes, with every control character escaped, so that it is safe to print. */
export function quote(text: string): string {
  // JSON escapes U+0000 to U+001F only; terminals obey U+007F to U+009F and the marks that turn writing round, too.
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
