declare interface Cancellable {
    cancel(): void;
}

declare type HttpHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

declare type HttpMethod = "GET" | "HEAD" | "PUT" | "POST" | "DELETE";

declare interface HttpReceiver {
    head(status: number, headers: HttpHeaders): void;
    room?(): Uint8Array | undefined;
    data(chunk: Uint8Array): void;
    end(): void;
    fail(cause: unknown): void;
}

declare interface HttpRequest {
    readonly method: HttpMethod;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: Uint8Array | undefined;
}

export interface NodeTransportOptions extends TlsOptions {
    readonly connections?: number | undefined;
}

export interface TlsOptions {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
    readonly passphrase?: string | undefined;
    readonly servername?: string | undefined;
    readonly rejectUnauthorized?: boolean | undefined;
}

declare interface Transport {
    send(request: HttpRequest, receiver: HttpReceiver): Cancellable;
    close(): Promise<void>;
}

export function nodeTransport({ connections, ...tls }?: NodeTransportOptions): Transport;
