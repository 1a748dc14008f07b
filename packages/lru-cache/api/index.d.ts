export class AsyncLruCache<K, V> extends FlushNode {
    #private;
    readonly name: string;
    constructor(options: CacheOptions<K, V>);
    get size(): number;
    get dirtyCount(): number;
    get limit(): number;
    get weight(): number;
    get counters(): CacheCounters;
    has(key: K): boolean;
    keys(): Iterable<K>;
    tryAcquire(key: K): Lease<K, V> | undefined;
    acquire(key: K, options?: WaitOptions): Promise<Lease<K, V>>;
    insert(key: K, value: V, options?: {
        readonly dirty?: boolean;
    }): Promise<Lease<K, V>>;
    flush(): Promise<void>;
    sync(): Promise<void>;
    dropIdle(): Promise<void>;
    invalidate(keys?: Iterable<K>): Promise<void>;
    setLimit(limit: number): Promise<void>;
    setMaxWeight(maxWeight: number): Promise<void>;
    get pending(): boolean;
    protected get moment(): number;
    protected isDurable(moment: number): boolean;
    protected edgeChanged(type: "depend" | "satisfy", other: FlushNode): void;
}

export interface CacheCounters {
    readonly hits: number;
    readonly misses: number;
    readonly loads: number;
    readonly evictions: number;
    readonly writeBacks: number;
    readonly dependencyFlushes: number;
    readonly syncs: number;
}

export class CacheError extends Error {
    readonly code: CacheErrorCode;
    readonly keys: readonly unknown[];
    constructor(code: CacheErrorCode, message: string, init?: CacheErrorInit);
}

export type CacheErrorCode = "ERR_ALL_PINNED" | "ERR_PINNED" | "ERR_RELEASED" | "ERR_WRITE_BACK" | "ERR_SYNC" | "ERR_DEPENDENCY" | "ERR_ARGUMENT";

export interface CacheErrorInit {
    readonly cause?: unknown;
    readonly keys?: readonly unknown[];
}

export type CacheEvent<K> = {
    readonly type: "load" | "evict";
    readonly cache: string;
    readonly key: K;
} | {
    readonly type: "store" | "stored" | "store-failed";
    readonly cache: string;
    readonly keys: readonly K[];
} | {
    readonly type: "sync" | "synced" | "sync-failed";
    readonly cache: string;
} | {
    readonly type: "depend";
    readonly cache: string;
    readonly on: string;
} | {
    readonly type: "satisfy";
    readonly cache: string;
    readonly on: string;
};

export interface CacheOptions<K, V> {
    readonly limit: number;
    readonly io: EntryIo<K, V>;
    readonly name?: string;
    readonly strict?: boolean;
    readonly maxWriteBacks?: number;
    readonly neighbours?: Neighbours<K>;
    readonly maxBatch?: number;
    readonly evictionBatch?: number;
    readonly dropUnsynced?: boolean;
    readonly weigh?: (value: V, key: K) => number;
    readonly maxWeight?: number;
    readonly observer?: (event: CacheEvent<K>) => void;
}

export class DirectWrites extends FlushNode {
    #private;
    readonly name: string;
    constructor(options: DirectWritesOptions);
    wrote(): void;
    dependsOn(other: FlushNode): Promise<void>;
    get pending(): boolean;
    sync(): Promise<void>;
    protected get moment(): number;
    protected isDurable(moment: number): boolean;
    protected edgeChanged(): void;
}

export interface DirectWritesOptions {
    readonly name?: string;
    readonly sync: () => void | PromiseLike<void>;
}

export interface EntryIo<K, V> {
    load(key: K, wait: LoadWait): V | PromiseLike<V>;
    store(key: K, value: V): void | PromiseLike<void>;
    storeMany?(entries: readonly (readonly [key: K, value: V])[]): void | PromiseLike<void>;
    sync?(): void | PromiseLike<void>;
}

export abstract class FlushNode {
    #private;
    abstract readonly name: string;
    abstract readonly pending: boolean;
    abstract sync(): Promise<void>;
    protected abstract readonly moment: number;
    protected abstract isDurable(moment: number): boolean;
    protected abstract edgeChanged(change: "depend" | "satisfy", other: FlushNode): void;
    dependsOn(other: FlushNode): Promise<void>;
    get dependencies(): readonly string[];
    protected afterDependencies(issue: () => Promise<void>): Promise<void>;
    protected syncFirst(other: FlushNode): Promise<void>;
}

export interface Lease<K, V> extends Disposable {
    readonly key: K;
    readonly value: V;
    markDirty(): void;
    release(): void;
}

export interface LoadWait {
    readonly signal: AbortSignal;
}

export interface Neighbours<K> {
    next(key: K): K | undefined;
    previous(key: K): K | undefined;
}

export interface WaitOptions {
    readonly signal?: AbortSignal | undefined;
}

export function isCacheError(error: unknown, code?: CacheErrorCode): error is CacheError;
