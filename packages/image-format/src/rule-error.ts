import { ImageError, type ImageErrorCode } from "./image-error.js";

/**
 * Makes the error for a field that breaks its rule.
 *
 * @param where the image, for the message
 * @param rule completes the sentence "must …"
 */
export type RuleError = (
  code: ImageErrorCode,
  where: string,
  field: string,
  value: number | string,
  rule: string,
) => ImageError;

/** What makes the errors of one format. */
export function ruleErrorOf(format: string): RuleError {
  return (code, where, field, value, rule) => {
    const shown = typeof value === "string" ? quote(value) : value;
    return new ImageError(format, code, `${where}: ${field} is ${shown}, must ${rule}`, { field, value, rule });
  };
}

/** A string from an image in quotes, with every control character escaped, so that it is safe to print. */
export function quote(text: string): string {
  // JSON escapes U+0000 to U+001F only; terminals obey U+007F to U+009F and the marks that turn writing round, too.
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
