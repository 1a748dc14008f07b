import { BackendError } from "@instar/backend";
import type { S3Location } from "./address.js";

/**
 * Takes `s3://BUCKET/KEY?endpoint=URL&region=REGION&addressing=path` apart. Bucket and key are percent-encoded, where
 * that is needed; a `#` is a part of the key.
 *
 * @throws {@link BackendError} `ERR_UNSUPPORTED` for what is no such URL.
 */
export function parseS3Url(location: string): S3Location {
  const match = /^s3:\/\/([^/?]+)\/([^?]+)(?:\?(.*))?$/is.exec(location);
  if (!match?.[1] || !match[2]) {
    throw new BackendError("ERR_UNSUPPORTED", "the location is not of the form s3://BUCKET/KEY");
  }
  const object: S3Location = { bucket: decoded(match[1], "bucket"), key: decoded(match[2], "key") };
  return Object.assign(object, ...Array.from(new URLSearchParams(match[3] ?? ""), parameter));
}

function parameter([name, value]: [string, string]): Partial<S3Location> {
  if (name === "endpoint") return { endpoint: value };
  if (name === "region") return { region: value };
  if (name === "addressing" && (value === "path" || value === "virtual")) return { addressing: value };
  const known = "endpoint=URL, region=REGION and addressing=path or addressing=virtual";
  throw new BackendError("ERR_UNSUPPORTED", `the query of an s3: URL may have ${known}`);
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BackendError("ERR_UNSUPPORTED", `the ${what} of the s3: URL is not well percent-encoded`);
  }
}
