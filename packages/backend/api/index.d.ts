export interface Backend {
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

export class BackendError extends Error {
    readonly code: BackendErrorCode;
    readonly retryable: boolean;
    constructor(code: BackendErrorCode, message: string, init?: BackendErrorInit);
}

export type BackendErrorCode = "ERR_NOT_FOUND" | "ERR_EXISTS" | "ERR_PERMISSION" | "ERR_RANGE" | "ERR_CHANGED" | "ERR_READ_ONLY" | "ERR_UNSUPPORTED" | "ERR_CLOSED" | "ERR_IO" | "ERR_LOCKED" | "ERR_NO_SPACE";

export interface BackendErrorInit {
    readonly cause?: unknown;
    readonly retryable?: boolean;
}

export interface BackendPlugin {
    readonly name: string;
    readonly schemes: readonly string[];
    open(location: string, options?: OpenOptions): Promise<Backend>;
}

export class BackendRegistry {
    #private;
    constructor(plugins?: Iterable<BackendPlugin>);
    with(plugin: BackendPlugin): BackendRegistry;
    get schemes(): readonly string[];
    resolve(location: string): BackendPlugin;
    open(location: string, options?: OpenOptions): Promise<Backend>;
}

export abstract class BaseBackend implements Backend {
    #private;
    abstract readonly name: string;
    abstract readonly capabilities: Capabilities;
    abstract readonly size: number;
    protected abstract doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doWrite?(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doTruncate?(size: number, signal: AbortSignal | undefined): Promise<void>;
    protected doWriteZeroes?(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
    protected doDiscard?(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
    protected doAllocate?(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
    protected doSync?(signal: AbortSignal | undefined): Promise<void>;
    protected doExtents?(offset: number, length: number, signal: AbortSignal | undefined): AsyncIterable<Extent>;
    protected doClose(): Promise<void>;
    read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void>;
    write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void>;
    truncate(size: number, options?: CallOptions): Promise<void>;
    writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void>;
    discard(offset: number, length: number, options?: CallOptions): Promise<void>;
    allocate(offset: number, length: number, options?: CallOptions): Promise<void>;
    sync(options?: CallOptions): Promise<void>;
    extents(offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent>;
    close(): Promise<void>;
}

export interface CallOptions {
    readonly signal?: AbortSignal | undefined;
}

export interface Capabilities {
    readonly write: boolean;
    readonly grow: boolean;
    readonly truncate: boolean;
    readonly writeZeroes: boolean;
    readonly discard: boolean;
    readonly allocate: boolean;
    readonly extents: boolean;
    readonly durable: boolean;
}

export interface Extent {
    readonly offset: number;
    readonly length: number;
    readonly kind: "data" | "zero" | "hole";
}

export class MemoryBackend extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    constructor(options?: MemoryBackendOptions);
    get size(): number;
    protected doRead(target: Uint8Array, offset: number): Promise<void>;
    protected doWrite(source: Uint8Array, offset: number): Promise<void>;
    protected doTruncate(size: number): Promise<void>;
    protected doWriteZeroes(offset: number, length: number): Promise<void>;
    protected doDiscard(offset: number, length: number): Promise<void>;
    protected doAllocate(offset: number, length: number): Promise<void>;
    protected doSync(): Promise<void>;
    protected doExtents(offset: number, length: number): AsyncGenerator<Extent>;
}

export interface MemoryBackendOptions {
    readonly name?: string;
    readonly size?: number;
    readonly readOnly?: boolean;
    readonly pages?: MemoryPages;
}

export class MemoryPages {
    #private;
    constructor(size?: number);
    get size(): number;
    get allocated(): number;
    read(target: Uint8Array, offset: number): void;
    write(source: Uint8Array, offset: number): void;
    allocate(offset: number, length: number): void;
    zero(offset: number, length: number): void;
    resize(size: number): void;
    extents(offset: number, length: number): Generator<Extent>;
}

export interface OpenOptions extends CallOptions {
    readonly write?: boolean;
    readonly create?: "never" | "new" | "replace";
    readonly lock?: boolean;
}

export class SpareBuffers {
    #private;
    constructor(most: number);
    take(length: number): Uint8Array;
    give(bytes: Uint8Array): void;
}

export function allocateZeroes(backend: Backend, offset: number, length: number, options?: CallOptions): Promise<void>;

export function extentsOf(backend: Backend, offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent>;

export function isBackendError(error: unknown, code?: BackendErrorCode): error is BackendError;

export function memoryPlugin(): BackendPlugin;

export function zeroRange(backend: Backend, offset: number, length: number, options?: CallOptions): Promise<void>;
