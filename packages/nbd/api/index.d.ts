import { Backend } from "@instar/backend";
import { Duplex } from "node:stream";
import { ListenOptions } from "node:net";

export interface NbdExport {
    readonly name: string;
    readonly backend: Backend;
    readonly description?: string;
    readonly readOnly?: boolean;
}

export class NbdServer {
    #private;
    constructor(options: NbdServerOptions);
    listen(options: ListenOptions): Promise<number | undefined>;
    serve(stream: Duplex): Promise<void>;
    close(): Promise<void>;
}

export interface NbdServerOptions {
    readonly exports: readonly NbdExport[];
    readonly tls?: NbdTlsOptions | undefined;
}

export interface NbdTlsOptions {
    readonly cert: string | Uint8Array;
    readonly key: string | Uint8Array;
    readonly ca?: string | Uint8Array | undefined;
    readonly optional?: boolean | undefined;
}
