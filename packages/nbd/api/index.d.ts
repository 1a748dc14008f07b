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
}
