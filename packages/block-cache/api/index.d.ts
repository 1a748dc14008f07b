import { Backend } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { CacheCounters } from "@instar/lru-cache";
import { CacheEvent } from "@instar/lru-cache";
import { Capabilities } from "@instar/backend";
import { Extent } from "@instar/backend";
import { FlushNode } from "@instar/lru-cache";

export class BlockCache extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    constructor(backend: Backend, options?: BlockCacheOptions);
    get size(): number;
    get node(): FlushNode;
    get blockSize(): number;
    get bytes(): number;
    get dirtyBytes(): number;
    get counters(): BlockCacheCounters;
    resize(bytes: number): Promise<void>;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doWrite(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doTruncate(size: number, signal: AbortSignal | undefined): Promise<void>;
    protected doWriteZeroes(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
    protected doDiscard(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
    protected doSync(signal: AbortSignal | undefined): Promise<void>;
    protected doExtents(offset: number, length: number, signal: AbortSignal | undefined): AsyncGenerator<Extent>;
    protected doClose(): Promise<void>;
}

export interface BlockCacheCounters extends CacheCounters {
    readonly backendReads: number;
    readonly directReads: number;
    readonly readAheads: number;
    readonly backendWrites: number;
}

export interface BlockCacheOptions {
    readonly name?: string;
    readonly bytes?: number;
    readonly blockSize?: number;
    readonly maxTransfer?: number;
    readonly parallel?: number;
    readonly readAhead?: number;
    readonly directRead?: number;
    readonly dropUnsynced?: boolean;
    readonly observer?: (event: CacheEvent<number>) => void;
}
