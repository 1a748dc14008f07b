import type { OpenOptions } from "@instar/backend";
import type { RangeEngineOptions, Transport } from "@instar/backend-http/engine";
import type { S3Location } from "./address.js";
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
  /** What sends the requests. It stays the caller's to close. Defaults to undici. */
  readonly transport?: Transport | undefined;
}

/** Which object to open, and how. */
export interface S3OpenOptions extends OpenOptions, S3Options, S3Location {}
