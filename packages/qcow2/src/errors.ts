/**
 * Why an image was refused.
 *
 * - `ERR_NOT_QCOW2`: the file does not begin with the magic number;
 * - `ERR_UNSUPPORTED_VERSION`: neither version 2 nor 3;
 * - `ERR_UNKNOWN_FEATURE`: an incompatible feature that nobody here knows;
 * - `ERR_UNSUPPORTED_FEATURE`: a feature that the specification knows and this package does not;
 * - `ERR_ENCRYPTED`: the guest data is encrypted, and no passphrase is given;
 * - `ERR_WRONG_PASSPHRASE`: the guest data is encrypted, and the passphrase does not open it;
 * - `ERR_INVALID_HEADER`: a header field breaks its rule;
 * - `ERR_TRUNCATED`: the file ends before what the header says it holds;
 * - `ERR_CORRUPT`: a table or a cluster contradicts the format;
 * - `ERR_REFERENCE_DENIED`: the image names another file, and the gate did not let it be opened;
 * - `ERR_INVALID_OPTION`: an option of the caller breaks its rule.
 */
export type Qcow2ErrorCode =
  | "ERR_NOT_QCOW2"
  | "ERR_UNSUPPORTED_VERSION"
  | "ERR_UNKNOWN_FEATURE"
  | "ERR_UNSUPPORTED_FEATURE"
  | "ERR_ENCRYPTED"
  | "ERR_WRONG_PASSPHRASE"
  | "ERR_INVALID_HEADER"
  | "ERR_TRUNCATED"
  | "ERR_CORRUPT"
  | "ERR_REFERENCE_DENIED"
  | "ERR_INVALID_OPTION";

/** Fields of a {@link Qcow2Error}. */
export interface Qcow2ErrorInit {
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
 * Check it with {@link isQcow2Error}: packages of different versions may each have their own copy of the class.
 */
export class Qcow2Error extends Error {
  /** Why, for programs. */
  readonly code: Qcow2ErrorCode;
  /** The field that breaks a rule. */
  readonly field: string | undefined;
  /** What the field holds. */
  readonly value: number | bigint | string | undefined;
  /** The rule it breaks. */
  readonly rule: string | undefined;

  constructor(code: Qcow2ErrorCode, message: string, init: Qcow2ErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "Qcow2Error";
    this.code = code;
    this.field = init.field;
    this.value = init.value;
    this.rule = init.rule;
  }
}

/** Tells a {@link Qcow2Error}, from whichever copy of this package, optionally of one code. */
export function isQcow2Error(error: unknown, code?: Qcow2ErrorCode): error is Qcow2Error {
  if (!(error instanceof Error) || error.name !== "Qcow2Error") return false;
  const its = "code" in error ? error.code : undefined;
  return typeof its === "string" && (code === undefined || its === code);
}

/**
 * The error for a field that breaks its rule.
 *
 * @param where the image, for the message
 * @param rule completes the sentence "must be …"
 */
export function ruleError(
  code: Qcow2ErrorCode,
  where: string,
  field: string,
  value: number | bigint | string,
  rule: string,
): Qcow2Error {
  const shown = typeof value === "string" ? quote(value) : String(value);
  return new Qcow2Error(code, `${where}: ${field} is ${shown}, must be ${rule}`, { field, value, rule });
}

/** A string from an image in quotes, with every control character escaped, so that it is safe to print. */
export function quote(text: string): string {
  // JSON escapes U+0000 to U+001F only; terminals obey U+007F to U+009F too.
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
