import { BackendError } from "@instar/backend";
import { keyPath } from "./percent-encoding.js";

/** Which object, and where. */
export interface S3Location {
  readonly bucket: string;
  readonly key: string;
  /** URL of the store. Defaults to that of AWS in the region. */
  readonly endpoint?: string | undefined;
  /** Defaults to that of an AWS endpoint, else to `us-east-1`. A store that names another one is believed. */
  readonly region?: string | undefined;
  /**
   * Where the bucket stands in the URL: in the path, or in the host name. Defaults to the path with an endpoint, and
   * without one where the bucket has dots, for which no certificate holds.
   */
  readonly addressing?: "path" | "virtual" | undefined;
}

/** The URLs of an object and its neighbours in a bucket. */
export class S3Address {
  /** `s3://BUCKET/KEY`, for messages. */
  readonly name: string;
  readonly bucket: string;
  readonly key: string;
  readonly region: string;
  /** Of the URLs; also what is signed. */
  readonly host: string;
  readonly origin: string;
  /** Path of the bucket, without a slash at its end. */
  readonly #root: string;
  readonly #location: S3Location;

  /** @throws {@link BackendError} `ERR_UNSUPPORTED` for what is no bucket, key, endpoint or region. */
  constructor(location: S3Location) {
    const { bucket, key, endpoint } = location;
    this.name = `s3://${bucket}/${key}`;
    check(location);
    const url = endpoint === undefined ? undefined : endpointUrl(this.name, endpoint);
    const region =
      location.region ?? /(?:^|\.)s3[.-]([a-z]{2}-[a-z0-9-]+-\d)\.amazonaws\.com/.exec(url?.host ?? "")?.[1];
    this.region = region ?? "us-east-1";
    const base = url ?? new URL(awsEndpoint(this.region));
    const style = location.addressing ?? (url || bucket.includes(".") ? "path" : "virtual");
    this.bucket = bucket;
    this.key = key;
    this.host = style === "virtual" ? `${bucket}.${base.host}` : base.host;
    this.origin = `${base.protocol}//${this.host}`;
    const path = base.pathname.replace(/\/+$/, "");
    this.#root = style === "virtual" ? path : `${path}/${bucket}`;
    this.#location = location;
  }

  /** Path of an object; by default of this one. */
  path(key: string = this.key): string {
    return `${this.#root}/${keyPath(key)}`;
  }

  /** The object as the source of a copy. */
  get copySource(): string {
    return `/${this.bucket}/${keyPath(this.key)}`;
  }

  /** Path of the bucket. */
  get bucketPath(): string {
    return this.#root === "" ? "/" : this.#root;
  }

  /** The same object with the bucket in another region. At an endpoint of the caller's only the signature differs. */
  inRegion(region: string): S3Address {
    return new S3Address({ ...this.#location, region });
  }
}

function awsEndpoint(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

/** Whether a text can be the name of a region; one from a server becomes part of a host name. */
export function isRegion(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(text);
}

function check({ bucket, key, region }: S3Location): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/.test(bucket) || bucket.includes("..")) {
    throw new BackendError("ERR_UNSUPPORTED", `${JSON.stringify(bucket)} cannot be the name of a bucket`);
  }
  if (key === "" || new TextEncoder().encode(key).byteLength > 1024 || !key.isWellFormed()) {
    throw new BackendError("ERR_UNSUPPORTED", `s3://${bucket}: the key must have 1 to 1024 bytes of UTF-8`);
  }
  if (region !== undefined && !isRegion(region)) {
    throw new BackendError("ERR_UNSUPPORTED", `option region: ${JSON.stringify(region)} cannot be a region`);
  }
}

function endpointUrl(name: string, endpoint: string): URL {
  // It may hold a secret that does not belong there, so messages do not show it.
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const http = url?.protocol === "http:" || url?.protocol === "https:";
  if (!url || !http || url.username || url.password || url.search || url.hash) {
    const rule = "must be an http: or https: URL without user name, query and fragment";
    throw new BackendError("ERR_UNSUPPORTED", `${name}: the endpoint ${rule}`);
  }
  return url;
}
