import { mostParts } from "./multipart-upload.js";
import type { PartRules } from "./publish-plan.js";

const mebibyte = 2 ** 20;

/** The limits of S3 for parts, and what is sent at once; `equal` where all must have the same size. */
export function partRules(equal: boolean): PartRules {
  return { least: 5 * mebibyte, mostCopied: 5 * 1024 * mebibyte, parts: mostParts, upload: 10 * mebibyte, equal };
}
