import { BackendError } from "@instar/backend";
import type { HttpMethod, HttpRequest } from "@instar/backend-http/engine";
import type { S3Address } from "./address.js";
import type { CredentialCache, S3Credentials } from "./credentials.js";
import { payloadHash, type Query, queryText, signedHeaders } from "./sigv4.js";
import type { StoreTime } from "./store-time.js";

/** One request before it is signed. */
export interface PlainRequest {
  readonly method: HttpMethod;
  /** Percent-encoded. */
  readonly path: string;
  readonly query?: Query | undefined;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** How long a signature serves; the store takes it for three times as long. */
const reuse = 5 * 60_000;

interface Reusable {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** When it was made. */
  readonly time: number;
  readonly credentials: S3Credentials;
}

/** Signs the requests for one object. */
export class RequestSigner {
  /** Where requests go; another region may turn out to be the right one. */
  address: S3Address;
  readonly #credentials: CredentialCache | undefined;
  readonly #time: StoreTime;
  readonly #askTime: () => Promise<void>;
  /** Signatures of reads, which cover neither range nor conditions: one serves for minutes. */
  readonly #reusable = new Map<HttpMethod, Reusable>();

  /** `askTime` makes `time` known. Without credentials nothing is signed. */
  constructor(
    address: S3Address,
    credentials: CredentialCache | undefined,
    time: StoreTime,
    askTime: () => Promise<void>,
  ) {
    this.address = address;
    this.#credentials = credentials;
    this.#time = time;
    this.#askTime = askTime;
  }

  /** A read of the object itself; at once where a signature is at hand. */
  read(method: "GET" | "HEAD", headers: Readonly<Record<string, string>>): HttpRequest | Promise<HttpRequest> {
    const { origin } = this.address;
    if (!this.#credentials) return { method, url: origin + this.address.path(), headers };
    const found = this.#reusable.get(method);
    const time = this.#time.now();
    if (found && time !== undefined && Math.abs(time - found.time) < reuse) {
      if (this.#credentials.at(time) === found.credentials) {
        return { method, url: found.url, headers: { ...found.headers, ...headers } };
      }
    }
    return this.#read(method, headers);
  }

  /** Any request, signed with all its headers and its body. */
  async sign({ method, path, query = [], headers, body }: PlainRequest): Promise<HttpRequest> {
    const [credentials, time] = await this.#ready();
    const { origin, host, region } = this.address;
    const text = queryText(query);
    const url = origin + path + (text && `?${text}`);
    if (!credentials) return { method, url, headers, body };
    const signing = { credentials, region, time };
    const signed = signedHeaders({ method, host, path, query, headers }, payloadHash(body), signing);
    return { method, url, headers: signed, body };
  }

  /** Has the next request signed anew. */
  forget(): void {
    this.#reusable.clear();
  }

  async #read(method: "GET" | "HEAD", headers: Readonly<Record<string, string>>): Promise<HttpRequest> {
    const [credentials, time] = await this.#ready();
    const signed = await this.sign({ method, path: this.address.path(), headers: {} });
    if (credentials) this.#reusable.set(method, { url: signed.url, headers: signed.headers, time, credentials });
    return { ...signed, headers: { ...signed.headers, ...headers } };
  }

  async #ready(): Promise<readonly [S3Credentials | undefined, number]> {
    if (!this.#credentials) return [undefined, 0];
    if (this.#time.now() === undefined) await this.#askTime();
    const time = this.#time.now();
    if (time === undefined) {
      throw new BackendError("ERR_UNSUPPORTED", `${this.address.name}: the store does not tell the time; pass now`);
    }
    return [this.#credentials.at(time) ?? (await this.#credentials.fetch()), time];
  }
}
