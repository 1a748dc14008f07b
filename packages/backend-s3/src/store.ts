import { BackendError } from "@instar/backend";
import {
  type Answer,
  ask,
  type EngineSettings,
  engineSettings,
  HttpClient,
  type HttpHeaders,
  type HttpMethod,
  type HttpTarget,
  type Refusal,
  statusError,
  type Transport,
} from "@instar/backend-http/engine";
import { nodeTransport } from "@instar/backend-http/node";
import { isRegion, S3Address, type S3Location } from "./address.js";
import { CredentialCache } from "./credentials.js";
import type { S3Options } from "./options.js";
import { type PlainRequest, RequestSigner } from "./request-signer.js";
import { errorCodeOf, s3Error } from "./s3-errors.js";
import { StoreTime } from "./store-time.js";
import { textOf } from "./xml.js";

/** What a request has besides what is sent. */
export interface StoreRequest extends PlainRequest {
  /** Most bytes of the body of a success that are wanted. Defaults to none. */
  readonly bodyLimit?: number | undefined;
  /** How long the answer may take beyond `stallTimeout`, in milliseconds. */
  readonly patience?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Slowest that a body may be sent, in bytes per millisecond. */
const slowest = 32;
/** How many regions are tried. */
const mostRegions = 3;

/** A store as it is seen by one object in it: signed requests, and what is made of refusals. */
export class S3Store {
  readonly name: string;
  readonly settings: EngineSettings;
  readonly client: HttpClient;
  /** The object, for the range engine. */
  readonly target: HttpTarget;
  readonly #transport: Transport;
  readonly #owned: boolean;
  readonly #credentials: CredentialCache | undefined;
  readonly #time: StoreTime;
  readonly #signer: RequestSigner;
  #regions = 0;

  /** @throws {@link BackendError} `ERR_UNSUPPORTED` or `ERR_RANGE` for a location or an option that is none. */
  constructor(location: S3Location, options: S3Options) {
    const address = new S3Address(location);
    this.name = address.name;
    this.settings = engineSettings(options);
    const { clock, counters } = this.settings;
    this.#credentials = options.credentials && new CredentialCache(this.name, options.credentials);
    this.#time = new StoreTime(clock, options.now);
    this.#signer = new RequestSigner(address, this.#credentials, this.#time, () => this.#askTime());
    this.#owned = options.transport === undefined;
    this.#transport = options.transport ?? nodeTransport({ ca: options.ca, connections: options.connections });
    const follows = (headers: HttpHeaders): boolean => headers[regionHeader] === undefined;
    this.client = new HttpClient(this.#transport, { name: this.name, redirects: options.redirects, follows, counters });
    this.target = {
      name: this.name,
      prepare: (method, headers) => this.#signer.read(readMethod(method), headers),
      refusal: (refusal) => this.#refusal(refusal),
    };
  }

  /** Where the object is. */
  get address(): S3Address {
    return this.#signer.address;
  }

  /** Asks until there is an answer that a further attempt would not better, be it a refusal. */
  ask(request: StoreRequest): Promise<Answer> {
    const { client, settings } = this;
    const { method, headers, bodyLimit, signal } = request;
    const target: HttpTarget = {
      name: this.name,
      prepare: () => this.#signer.sign(request),
      refusal: (refusal) => this.#refusal(refusal),
    };
    const patience = settings.stallTimeout + (request.body?.byteLength ?? 0) / slowest + (request.patience ?? 0);
    return ask({ client, target, method, headers, bodyLimit, patience, settings, signal });
  }

  /** The same, where anything but a success is an error. */
  async success(request: StoreRequest): Promise<Answer> {
    return this.demandSuccess(await this.ask(request));
  }

  /**
   * The answer, if it is a success: an error body makes a status of 200 a refusal too.
   *
   * @throws {@link BackendError} the error for a refusal.
   */
  demandSuccess(answer: Answer): Answer {
    if (answer.status >= 200 && answer.status < 300 && errorCodeOf(answer.body) === undefined) return answer;
    throw s3Error(this.name, answer) ?? statusError(this.name, answer.status);
  }

  /** Frees its connections. */
  async close(): Promise<void> {
    if (this.#owned) await this.#transport.close();
  }

  #refusal(refusal: Refusal): BackendError | undefined {
    return this.#remedy(refusal) ?? s3Error(this.name, refusal);
  }

  /** The error for a refusal that the next attempt does away with. */
  #remedy({ status, headers, body }: Refusal): BackendError | undefined {
    const region = headers[regionHeader] ?? regionNamed(body);
    if (typeof region === "string" && region !== this.address.region && status <= 400) {
      if (!isRegion(region) || this.#regions++ >= mostRegions) return undefined;
      this.#signer.address = this.address.inRegion(region);
      return this.#again(`the bucket is in the region ${region}`);
    }
    const code = errorCodeOf(body);
    if (code === "RequestTimeTooSkewed" && this.#time.learn(dateOf(headers))) {
      return this.#again("its clock shows another time");
    }
    if ((code === "ExpiredToken" || code === "TokenRefreshRequired") && this.#credentials?.expire()) {
      return this.#again("the credentials have expired");
    }
    return undefined;
  }

  #again(why: string): BackendError {
    this.#signer.forget();
    return new BackendError("ERR_IO", `${this.name}: ${why}`, { retryable: true });
  }

  /** Any answer tells the time; that to an unsigned question about nothing is the cheapest one. */
  async #askTime(): Promise<void> {
    const { client, settings } = this;
    const url = `${this.address.origin}/`;
    const target: HttpTarget = { name: this.name, prepare: () => ({ method: "HEAD", url, headers: {} }) };
    const { headers } = await ask({ client, target, method: "HEAD", headers: {}, settings, signal: undefined });
    this.#time.learn(dateOf(headers));
  }
}

const regionHeader = "x-amz-bucket-region";

/** The region that the error body of a request signed for another one names. */
function regionNamed(body: string): string | undefined {
  return errorCodeOf(body) === "AuthorizationHeaderMalformed" ? textOf(body, "Region") : undefined;
}

function dateOf({ date }: HttpHeaders): string | undefined {
  return typeof date === "string" ? date : undefined;
}

function readMethod(method: HttpMethod): "GET" | "HEAD" {
  if (method === "GET" || method === "HEAD") return method;
  throw new BackendError("ERR_UNSUPPORTED", `${method} is no read`);
}
