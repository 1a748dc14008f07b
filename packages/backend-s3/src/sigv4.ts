import { createHash, createHmac } from "node:crypto";
import type { HttpMethod } from "@instar/backend-http/engine";
import type { S3Credentials } from "./credentials.js";
import { percentEncoded } from "./percent-encoding.js";

/** Names and values of a query, not encoded. */
export type Query = readonly (readonly [name: string, value: string])[];

/** What of a request a signature covers. */
export interface Signable {
  readonly method: HttpMethod;
  readonly host: string;
  /** As it is sent, percent-encoded. */
  readonly path: string;
  readonly query: Query;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Who signs, where for, and when: milliseconds since 1970. */
export interface Signing {
  readonly credentials: S3Credentials;
  readonly region: string;
  readonly time: number;
}

/** SHA-256 of a body, in hexadecimal, as `x-amz-content-sha256` has it. */
export function payloadHash(body: Uint8Array | undefined): string {
  return createHash("sha256")
    .update(body ?? "")
    .digest("hex");
}

/**
 * The headers of a request with its signature among them (AWS Signature Version 4, by header). They cover the method,
 * the path, the query and the headers that are given, and stay valid for a quarter of an hour: whatever header the
 * signature does not cover may differ from request to request.
 */
export function signedHeaders(request: Signable, hash: string, signing: Signing): Record<string, string> {
  const { credentials } = signing;
  const stamp = timestamp(signing.time);
  const own: Record<string, string> = { "x-amz-content-sha256": hash, "x-amz-date": stamp };
  if (credentials.sessionToken !== undefined) own["x-amz-security-token"] = credentials.sessionToken;
  const headers = { ...request.headers, ...own };
  const covered: Record<string, string> = { ...headers, host: request.host };
  const names = Object.keys(covered).sort().join(";");
  const signature = signatureOf({ ...request, headers: covered }, queryText(request.query), hash, stamp, signing);
  const credential = `${credentials.accessKeyId}/${scopeOf(stamp, signing.region)}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}

/** The query of a presigned URL, encoded: the given one, with the signature. It covers no header but `host`. */
export function signedQuery(request: Omit<Signable, "headers">, seconds: number, signing: Signing): string {
  const { credentials } = signing;
  const stamp = timestamp(signing.time);
  const own: (readonly [string, string])[] = [
    ...request.query,
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${credentials.accessKeyId}/${scopeOf(stamp, signing.region)}`],
    ["X-Amz-Date", stamp],
    ["X-Amz-Expires", String(seconds)],
    ["X-Amz-SignedHeaders", "host"],
  ];
  if (credentials.sessionToken !== undefined) own.push(["X-Amz-Security-Token", credentials.sessionToken]);
  const query = queryText(own);
  const covered = { ...request, headers: { host: request.host } };
  return `${query}&X-Amz-Signature=${signatureOf(covered, query, "UNSIGNED-PAYLOAD", stamp, signing)}`;
}

/** A query as it is sent and signed: encoded, and in the order of its names. */
export function queryText(query: Query): string {
  return query
    .map(([name, value]) => `${percentEncoded(name)}=${percentEncoded(value)}`)
    .sort()
    .join("&");
}

function signatureOf(request: Signable, query: string, hash: string, stamp: string, signing: Signing): string {
  const names = Object.keys(request.headers).sort();
  const lines = names.map((name) => `${name}:${(request.headers[name] ?? "").trim().replace(/ +/g, " ")}\n`);
  const canonical = [request.method, request.path, query, lines.join(""), names.join(";"), hash].join("\n");
  const digest = createHash("sha256").update(canonical).digest("hex");
  const text = ["AWS4-HMAC-SHA256", stamp, scopeOf(stamp, signing.region), digest].join("\n");
  const { secretAccessKey } = signing.credentials;
  let key: string | Buffer = `AWS4${secretAccessKey}`;
  for (const part of [stamp.slice(0, 8), signing.region, "s3", "aws4_request"]) key = hmac(key, part);
  return hmac(key, text).toString("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function scopeOf(stamp: string, region: string): string {
  return `${stamp.slice(0, 8)}/${region}/s3/aws4_request`;
}

/** `20260131T235959Z`. */
function timestamp(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
}
