import type { S3Address } from "./address.js";

/** What conditions a store honours when it is asked to change an object. */
export interface S3Conditions {
  /**
   * `PutObject` with `If-None-Match: *` and with `If-Match`, which some stores understand without the quotes of the ETag
   * only.
   */
  readonly put: "quoted" | "unquoted" | "none";
  /** `CompleteMultipartUpload` with `If-Match`. */
  readonly complete: boolean;
}

/**
 * How a new version is kept from taking the place of another than the one it was made from:
 *
 * - `conditional`: the store compares and replaces in one step;
 * - `locked`: an object beside it, `KEY.instar-lock`, lets one writer of this package publish at a time, which then looks
 *   whether the version is still the same. Other programs do not know of it;
 * - `checked`: there is nothing but a look just before.
 */
export type PublishGuarantee = "conditional" | "locked" | "checked";

/** The guarantee that follows from what a store honours. */
export function guaranteeOf({ put, complete }: S3Conditions): PublishGuarantee {
  if (put === "none") return "checked";
  return complete ? "conditional" : "locked";
}

/** The condition that the object is the version with this ETag. */
export function ifMatch({ put }: S3Conditions, etag: string): Readonly<Record<string, string>> {
  if (put === "none") return {};
  return { "if-match": put === "quoted" ? etag : etag.replaceAll('"', "") };
}

/** The condition that there is no object. */
export function ifAbsent({ put }: S3Conditions): Readonly<Record<string, string>> {
  return put === "none" ? {} : { "if-none-match": "*" };
}

/** Whether the store at an address is known to want all parts of an upload but the last to have one size: R2 does. */
export function wantsEqualParts({ host }: S3Address): boolean {
  return host.endsWith(".r2.cloudflarestorage.com");
}

/** What is known of the store at an address without asking it. */
export function knownConditions({ host }: S3Address): S3Conditions | undefined {
  return /\.amazonaws\.com(?:\.cn)?$/.test(host) ? { put: "quoted", complete: true } : undefined;
}
