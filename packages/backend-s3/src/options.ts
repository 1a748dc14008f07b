import type { Backend, OpenOptions } from "@instar/backend";
import type { RangeEngineOptions, Transport } from "@instar/backend-http/engine";
import type { S3Location } from "./address.js";
import type { S3Conditions } from "./conditions.js";
import type { S3CredentialProvider, S3Credentials } from "./credentials.js";

/** How to reach a store. */
export interface S3Options extends RangeEngineOptions, Partial<Pick<S3Location, "endpoint" | "region" | "addressing">> {
  /** Who asks: fixed, from a function, or from {@link awsChain}. Without them requests are anonymous. */
  readonly credentials?: S3Credentials | S3CredentialProvider | undefined;
  /** The time, in milliseconds since 1970. Without it the store is asked for it once. */
  readonly now?: (() => number) | undefined;
  /** Most redirects in a row that are followed, without credentials where they lead to another host. Defaults to 5. */
  readonly redirects?: number | undefined;
  /** Certificates in PEM to trust instead of the usual ones. Without `transport`. */
  readonly ca?: string | undefined;
  /**
   * How many connections to open at once, where reads side by side are soon to follow. Without `transport`. Defaults to 1,
   * and more are opened as requests need them.
   */
  readonly connections?: number | undefined;
  /** What sends the requests. It stays the caller's to close. Defaults to `nodeTransport()`. */
  readonly transport?: Transport | undefined;
}

/** How an object is written. */
export interface S3WriteOptions {
  /** Most bytes of changes that are kept in memory until they are published. Defaults to 64 MiB. */
  readonly memory?: number | undefined;
  /**
   * Makes the backend that takes the changes that are too many for memory; it is closed with the object. Without it such
   * a change is `ERR_NO_SPACE`.
   */
  readonly spill?: (() => Promise<Backend>) | undefined;
  /** What conditions the store honours. By default that is known (AWS), or found out at open by some ten requests. */
  readonly conditions?: S3Conditions | undefined;
  /**
   * Whether all parts of an upload but the last must have one size; it takes more requests. Defaults to what is known of
   * the store: R2 wants that.
   */
  readonly equalParts?: boolean | undefined;
  /** Parts that are sent or copied at once, each of 10 MiB in memory or, of very large objects, more. Defaults to 4. */
  readonly parallelParts?: number | undefined;
  /**
   * How old an upload of a writer that died must be to be ended at open, in milliseconds. Defaults to an hour, or a day
   * for one without parts.
   */
  readonly staleUploads?: number | undefined;
}

/** Which object to open, and how. */
export interface S3OpenOptions extends OpenOptions, S3Options, S3WriteOptions, S3Location {}
