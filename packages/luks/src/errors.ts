/**
 * Why a volume was refused.
 *
 * - `ERR_NOT_LUKS`: the bytes do not begin with the magic number;
 * - `ERR_UNSUPPORTED_VERSION`: not version 1;
 * - `ERR_UNSUPPORTED_CIPHER`: a cipher, a mode, an IV generator or a hash that is not there;
 * - `ERR_INVALID_HEADER`: a header field breaks its rule;
 * - `ERR_WRONG_PASSPHRASE`: no key slot opens with it;
 * - `ERR_NO_SLOT`: no key slot is free, or the one that is meant is not in use;
 * - `ERR_LAST_SLOT`: without the key slot nobody could ever open the volume again;
 * - `ERR_INVALID_OPTION`: an option of the caller breaks its rule.
 */
export type LuksErrorCode =
  | "ERR_NOT_LUKS"
  | "ERR_UNSUPPORTED_VERSION"
  | "ERR_UNSUPPORTED_CIPHER"
  | "ERR_INVALID_HEADER"
  | "ERR_WRONG_PASSPHRASE"
  | "ERR_NO_SLOT"
  | "ERR_LAST_SLOT"
  | "ERR_INVALID_OPTION";

/**
 * Says what about a volume is not as it must be. No message holds a passphrase or a key.
 *
 * Check it with {@link isLuksError}: packages of different versions may each have their own copy of the class.
 */
export class LuksError extends Error {
  /** Why, for programs. */
  readonly code: LuksErrorCode;

  constructor(code: LuksErrorCode, message: string) {
    super(message);
    this.name = "LuksError";
    this.code = code;
  }
}

/** Tells a {@link LuksError}, from whichever copy of this package, optionally of one code. */
export function isLuksError(error: unknown, code?: LuksErrorCode): error is LuksError {
  if (!(error instanceof Error) || error.name !== "LuksError") return false;
  const its = "code" in error ? error.code : undefined;
  return typeof its === "string" && (code === undefined || its === code);
}

/** The error for a value that breaks its rule, which completes the sentence "must be …". */
export function ruleError(code: LuksErrorCode, field: string, value: number | string, rule: string): LuksError {
  return new LuksError(code, `${field} is ${JSON.stringify(value)}, must be ${rule}`);
}
