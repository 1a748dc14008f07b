declare interface Backend {
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly size: number;
    read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void>;
    write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void>;
    truncate(size: number, options?: CallOptions): Promise<void>;
    writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void>;
    discard(offset: number, length: number, options?: CallOptions): Promise<void>;
    allocate(offset: number, length: number, options?: CallOptions): Promise<void>;
    sync(options?: CallOptions): Promise<void>;
    extents(offset: number, length: number, options?: CallOptions): AsyncIterable<Extent>;
    close(): Promise<void>;
}

export interface BackendFactory {
    readonly name: string;
    readonly capabilities: Partial<Capabilities>;
    readonly blockSize?: number;
    readonly sizeStep?: number;
    create(contents: Uint8Array): Promise<Subject>;
}

declare interface CallOptions {
    readonly signal?: AbortSignal | undefined;
}

declare interface Capabilities {
    readonly write: boolean;
    readonly grow: boolean;
    readonly truncate: boolean;
    readonly writeZeroes: boolean;
    readonly discard: boolean;
    readonly allocate: boolean;
    readonly extents: boolean;
    readonly durable: boolean;
}

export class ConformanceError extends Error {
    readonly name = "ConformanceError";
}

export interface ConformanceOptions {
    readonly seed?: number | undefined;
    readonly steps?: number | undefined;
}

declare interface Extent {
    readonly offset: number;
    readonly length: number;
    readonly kind: "data" | "zero" | "hole";
}

export interface Subject {
    readonly backend: Backend;
    reopen?(options: {
        readonly write: boolean;
    }): Promise<Backend>;
    afterCrash?(): Promise<Backend>;
    dispose?(): Promise<void>;
}

export interface TestRunner {
    describe(name: string, body: () => void): unknown;
    it(name: string, body: () => Promise<void>): unknown;
}

export function describeBackend(runner: TestRunner, factory: BackendFactory, options?: ConformanceOptions): void;
