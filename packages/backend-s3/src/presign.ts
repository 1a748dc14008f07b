import { S3Address, type S3Location } from "./address.js";
import type { S3Credentials } from "./credentials.js";
import { signedQuery } from "./sigv4.js";

/** What a presigned URL allows. */
export interface PresignOptions extends S3Location {
  readonly credentials: S3Credentials;
  /** The time, in milliseconds since 1970. */
  readonly time: number;
  /** How long it lasts, in seconds; up to a week. Defaults to an hour. */
  readonly seconds?: number | undefined;
}

/**
 * A URL that reads an object, by any range, without credentials: for `HttpBackend` of `@instar/backend-http`, also in a
 * browser.
 *
 * @throws {@link BackendError} `ERR_UNSUPPORTED` for what is no bucket, key, endpoint or region.
 */
export function presign({ credentials, time, seconds = 3600, ...location }: PresignOptions): string {
  const address = new S3Address(location);
  const { origin, host, region } = address;
  const path = address.path();
  const query = signedQuery({ method: "GET", host, path, query: [] }, seconds, { credentials, region, time });
  return `${origin}${path}?${query}`;
}
