import { BackendError } from "@instar/backend";
import { BackendPlugin } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { OpenOptions } from "@instar/backend";

export interface Answer {
    readonly status: number;
    readonly headers: HttpHeaders;
    readonly body: string;
    readonly received: number;
}

export interface Cancellable {
    cancel(): void;
}

export interface Clock {
    now(): number;
    after(milliseconds: number, run: () => void): () => void;
}

declare interface ConnectionOptions {
    readonly ca?: string | undefined;
    readonly connections?: number | undefined;
}

export interface EngineSettings {
    readonly firstRead: number;
    readonly splitSize: number;
    readonly joinGap: number;
    readonly concurrency: number;
    readonly retries: number;
    readonly backoff: number;
    readonly maxBackoff: number;
    readonly maxRetryAfter: number;
    readonly stallTimeout: number;
    readonly minProgress: number;
    readonly hedge: {
        readonly percentile: number;
        readonly minDelay: number;
    } | undefined;
    readonly clock: Clock;
    readonly random: () => number;
    readonly counters: RangeCounters;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface FetchTraits {
    readonly showsRedirects?: boolean | undefined;
}

export interface HedgeOptions {
    readonly percentile?: number | undefined;
    readonly minDelay?: number | undefined;
}

export class HttpBackend extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly size: number;
    readonly counters: RangeCounters;
    private constructor();
    static open(location: string, options?: HttpOpenOptions): Promise<HttpBackend>;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doClose(): Promise<void>;
}

export class HttpClient {
    #private;
    constructor(transport: Transport, options: HttpClientOptions);
    send(request: HttpRequest, receiver: HttpReceiver): Cancellable;
}

export interface HttpClientOptions {
    readonly name: string;
    readonly redirects?: number | undefined;
    readonly follows?: ((headers: HttpHeaders) => boolean) | undefined;
    readonly counters: RangeCounters;
}

export type HttpHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export type HttpHeadersOption = Readonly<Record<string, string>> | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

export type HttpMethod = "GET" | "HEAD" | "PUT" | "POST" | "DELETE";

export interface HttpOpenOptions extends OpenOptions, HttpOptions {
}

export interface HttpOptions extends RangeEngineOptions, ConnectionOptions {
    readonly headers?: HttpHeadersOption | undefined;
    readonly redirects?: number | undefined;
    readonly transport?: Transport | undefined;
}

export class HttpRangeSource implements RangeSource {
    #private;
    readonly name: string;
    constructor(client: HttpClient, target: HttpTarget, version: ObjectVersion);
    fetch(offset: number, length: number, sink: RangeSink): Cancellable;
}

export interface HttpReceiver {
    head(status: number, headers: HttpHeaders): void;
    room?(): Uint8Array | undefined;
    data(chunk: Uint8Array): void;
    end(): void;
    fail(cause: unknown): void;
}

export interface HttpRequest {
    readonly method: HttpMethod;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: Uint8Array | undefined;
}

export interface HttpTarget {
    readonly name: string;
    prepare(method: HttpMethod, headers: Readonly<Record<string, string>>): HttpRequest | Promise<HttpRequest>;
    refusal?(refusal: Refusal): BackendError | undefined;
}

export interface ObjectVersion {
    readonly size: number;
    readonly etag: string | undefined;
    readonly lastModified: string | undefined;
}

export interface Probed {
    readonly version: ObjectVersion;
    readonly beginning: Uint8Array;
}

export interface Question {
    readonly client: HttpClient;
    readonly target: HttpTarget;
    readonly method: HttpMethod;
    readonly headers: Readonly<Record<string, string>>;
    readonly bodyLimit?: number | undefined;
    readonly sink?: Uint8Array | undefined;
    readonly patience?: number | undefined;
    readonly settings: EngineSettings;
    readonly signal: AbortSignal | undefined;
}

export interface RangeCounters {
    requests: number;
    bytes: number;
    sent: number;
    retries: number;
    hedges: number;
    joined: number;
}

export class RangeEngine {
    #private;
    readonly counters: RangeCounters;
    constructor(source: RangeSource, options?: RangeEngineOptions, beginning?: Uint8Array);
    read(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
}

export interface RangeEngineOptions {
    readonly firstRead?: number | undefined;
    readonly splitSize?: number | undefined;
    readonly joinGap?: number | undefined;
    readonly concurrency?: number | undefined;
    readonly retries?: number | undefined;
    readonly backoff?: number | undefined;
    readonly maxBackoff?: number | undefined;
    readonly maxRetryAfter?: number | undefined;
    readonly stallTimeout?: number | undefined;
    readonly minProgress?: number | undefined;
    readonly hedge?: HedgeOptions | undefined;
    readonly clock?: Clock | undefined;
    readonly random?: (() => number) | undefined;
    readonly counters?: RangeCounters | undefined;
}

export interface RangeSink {
    begin(): void;
    room?(): Uint8Array | undefined;
    data(chunk: Uint8Array): void;
    end(): void;
    fail(error: BackendError, retryAfter?: number): void;
}

export interface RangeSource {
    readonly name: string;
    fetch(offset: number, length: number, sink: RangeSink): Cancellable;
}

export interface Refusal {
    readonly status: number;
    readonly headers: HttpHeaders;
    readonly body: string;
}

export interface Transport {
    send(request: HttpRequest, receiver: HttpReceiver): Cancellable;
    close(): Promise<void>;
}

export function ask(question: Question): Promise<Answer>;

export function engineSettings(options?: RangeEngineOptions): EngineSettings;

export function fetchTransport(fetch?: Fetch, { showsRedirects }?: FetchTraits): Transport;

export function httpPlugin(options?: HttpOptions): BackendPlugin;

export function probe(client: HttpClient, target: HttpTarget, options?: RangeEngineOptions, signal?: AbortSignal): Promise<Probed>;

export function rangeCounters(): RangeCounters;

export function redactedUrl(url: URL): string;

export function statusError(name: string, status: number): BackendError;

export const systemClock: Clock;
