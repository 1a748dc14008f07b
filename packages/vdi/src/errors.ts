/**
 * Why an image was refused.
 *
 * - `ERR_NOT_VDI`: the file is no VDI image;
 * - `ERR_UNSUPPORTED_VERSION`: a version of the format that this package does not know;
 * - `ERR_UNSUPPORTED_FEATURE`: something that the format has and this package does not read;
 * - `ERR_INVALID_HEADER`: a field of a header breaks its rule;
 * - `ERR_TRUNCATED`: the file ends before what the image says it holds;
 * - `ERR_CORRUPT`: a checksum, a table or a block contradicts the format;
 * - `ERR_INVALID_OPTION`: an option of the caller breaks its rule.
 */
export type VdiErrorCode =
  | "ERR_NOT_VDI"
  | "ERR_UNSUPPORTED_VERSION"
  | "ERR_UNSUPPORTED_FEATURE"
  | "ERR_INVALID_HEADER"
  | "ERR_TRUNCATED"
  | "ERR_CORRUPT"
  | "ERR_INVALID_OPTION";

/** Fields of a {@link VdiError}. */
export interface VdiErrorInit {
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
 * Check it with {@link isVdiError}: packages of different versions may each have their own copy of the class.
 */
export class VdiError extends Error {
  /** Why, for programs. */
  readonly code: VdiErrorCode;
  /** The field that breaks a rule. */
  readonly field: string | undefined;
  /** What the field holds. */
  readonly value: number | string | undefined;
  /** The rule it breaks. */
  readonly rule: string | undefined;

  constructor(code: VdiErrorCode, message: string, init: VdiErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "VdiError";
    this.code = code;
    this.field = init.field;
    this.value = init.value;
    this.rule = init.rule;
  }
}

/** Tells a {@link VdiError}, from whichever copy of this package, optionally of one code. */
export function isVdiError(error: unknown, code?: VdiErrorCode): error is VdiError {
  if (!(error instanceof Error) || error.name !== "VdiError") return false;
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
  code: VdiErrorCode,
  where: string,
  field: string,
  value: number | string,
  rule: string,
): VdiError {
  return new VdiError(code, `${where}: ${field} is ${value}, must ${rule}`, { field, value, rule });
}
