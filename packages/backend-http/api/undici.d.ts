import { Pool } from "undici";

declare interface Cancellable {
    cancel(): void;
}

declare type HttpHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

declare interface HttpReceiver {
    head(status: number, headers: HttpHeaders): void;
    data(chunk: Uint8Array): void;
    end(): void;
    fail(cause: unknown): void;
}

declare interface HttpRequest {
    readonly method: "GET" | "HEAD";
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
}

declare interface Transport {
    send(request: HttpRequest, receiver: HttpReceiver): Cancellable;
    close(): Promise<void>;
}

export function undiciTransport(options?: Pool.Options): Transport;
