import { ImageError, type ImageErrorCode, type ImageErrorInit, isImageError, quote } from "@instar/image-format";

export { quote };

/** Why an image was refused. */
export type Qcow2ErrorCode = Exclude<ImageErrorCode, "ERR_PARENT_MISMATCH">;

/**
 * Says what about a qcow2 image is not as it must be: an `ImageError` of the format `qcow2`.
 *
 * Check it with {@link isQcow2Error}: packages of different versions may each have their own copy of the class.
 */
export class Qcow2Error extends ImageError {
  declare readonly code: Qcow2ErrorCode;

  constructor(code: Qcow2ErrorCode, message: string, init?: ImageErrorInit) {
    super("qcow2", code, message, init);
  }
}

/** Tells a {@link Qcow2Error}, from whichever copy of this package, optionally of one code. */
export function isQcow2Error(error: unknown, code?: Qcow2ErrorCode): error is Qcow2Error {
  return isImageError(error, code) && error.format === "qcow2";
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
