export { ImageError } from "@instar/image-format";
export { ImageErrorInit } from "@instar/image-format";
export { Mapping } from "@instar/image-format";
export { isImageError } from "@instar/image-format";
export { mapOf } from "@instar/image-format";
import { AddPassphraseOptions } from "@instar/luks";
import { Backend } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { CacheCounters } from "@instar/lru-cache";
import { CacheEvent } from "@instar/lru-cache";
import { CallOptions } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { Extent } from "@instar/backend";
import { ImageError } from "@instar/image-format";
import { ImageErrorCode } from "@instar/image-format";
import { ImageErrorInit } from "@instar/image-format";
import { ImageReference as AnyReference } from "@instar/image-format";
import { LuksFormatOptions } from "@instar/luks";
import { LuksHeader } from "@instar/luks";
import { Mapping } from "@instar/image-format";
import { ReferenceGate as Gate } from "@instar/image-format";
import { RemovePassphraseOptions } from "@instar/luks";

export interface AmendOptions {
    readonly version?: 2 | 3 | undefined;
    readonly refcountBits?: number | undefined;
    readonly lazyRefcounts?: boolean | undefined;
    readonly size?: number | undefined;
    readonly backing?: {
        readonly name: string;
        readonly format?: string | undefined;
    } | null | undefined;
    readonly dataFile?: string | undefined;
    readonly dataFileRaw?: boolean | undefined;
}

export interface BitmapInfo {
    readonly name: string;
    readonly granularity: number;
    readonly enabled: boolean;
    readonly inconsistent: boolean;
}

export interface BitmapSource {
    readonly image: Backend & {
        readonly bitmaps: Pick<Bitmaps, "dirty">;
    };
    readonly name: string;
}

export interface Bitmaps {
    list(): Promise<readonly BitmapInfo[]>;
    add(bitmap: NewBitmap): Promise<void>;
    remove(name: string): Promise<void>;
    clear(name: string): Promise<void>;
    enable(name: string): Promise<void>;
    disable(name: string): Promise<void>;
    merge(source: string | BitmapSource, target: string): Promise<void>;
    dirty(name: string, offset?: number, length?: number): AsyncIterable<DirtyRange>;
}

export interface CacheLimits {
    readonly l1Bytes?: number | undefined;
    readonly l2Bytes?: number | undefined;
    readonly refcountTableBytes?: number | undefined;
    readonly refcountBytes?: number | undefined;
}

export interface CheckOptions extends CallOptions {
    readonly problems?: number | undefined;
    readonly memoryLimit?: number | undefined;
}

export interface CheckProblem {
    readonly kind: "corruption" | "leak" | "error";
    readonly message: string;
}

export interface CheckReport {
    readonly corruptions: number;
    readonly leaks: number;
    readonly checkErrors: number;
    readonly imageEndOffset: number;
    readonly totalClusters: number;
    readonly allocatedClusters: number;
    readonly fragmentedClusters: number;
    readonly compressedClusters: number;
    readonly fixed: FixedProblems;
    readonly problems: readonly CheckProblem[];
}

export interface CompressedWriteOptions extends CallOptions {
    readonly unordered?: boolean | undefined;
}

declare type CompressionType = "zlib" | "zstd";

export interface CreateLayoutOptions {
    readonly size: number;
    readonly version?: 2 | 3 | undefined;
    readonly clusterSize?: number | undefined;
    readonly refcountBits?: number | undefined;
    readonly lazyRefcounts?: boolean | undefined;
    readonly compressionType?: CompressionType | undefined;
    readonly extendedL2?: boolean | undefined;
    readonly preallocation?: Preallocation | undefined;
    readonly backing?: {
        readonly name: string;
        readonly format: string;
    } | undefined;
    readonly dataFile?: {
        readonly name: string;
        readonly raw?: boolean | undefined;
    } | undefined;
}

export interface DirtyRange {
    readonly offset: number;
    readonly length: number;
    readonly dirty: boolean;
}

export interface Encryption {
    luksHeader(options?: CallOptions): Promise<LuksHeader>;
    addPassphrase(options: AddPassphraseOptions): Promise<number>;
    removePassphrase(options: RemovePassphraseOptions): Promise<readonly number[]>;
}

declare interface EngineOptions extends Qcow2CacheOptions {
    readonly discard?: "ignore" | "unmap" | undefined;
    readonly copyOnRead?: boolean | undefined;
}

export type FeatureKind = "incompatible" | "compatible" | "autoclear";

export interface FixedProblems {
    readonly corruptions: number;
    readonly leaks: number;
}

export interface ImageCheckOptions extends CheckOptions {
    readonly repair?: RepairWhat | undefined;
}

export interface ImageReference extends AnyReference {
    readonly kind: "backing" | "data-file";
    readonly write: boolean;
}

export interface NewBitmap {
    readonly name: string;
    readonly granularity?: number | undefined;
    readonly disabled?: boolean | undefined;
}

export type NewEncryption = Omit<LuksFormatOptions, "signal"> & {
    readonly format: "luks";
};

export interface NewSnapshot {
    readonly name: string;
    readonly id?: string | undefined;
    readonly date: Date;
    readonly vmClock?: bigint | undefined;
}

export interface PreallocateOptions extends CallOptions {
    readonly mode?: Preallocation | undefined;
}

export type Preallocation = "off" | "metadata" | "falloc" | "full";

export interface Qcow2CacheOptions {
    readonly caches?: CacheLimits | undefined;
    readonly observer?: ((event: CacheEvent<number>) => void) | undefined;
}

export interface Qcow2CreateOptions extends CreateLayoutOptions, CallOptions, EngineOptions {
    readonly backingBackend?: Backend | undefined;
    readonly dataFile?: {
        readonly name: string;
        readonly raw?: boolean | undefined;
        readonly backend: Backend;
    } | undefined;
    readonly encryption?: NewEncryption | undefined;
}

export class Qcow2Error extends ImageError {
    readonly code: Qcow2ErrorCode;
    constructor(code: Qcow2ErrorCode, message: string, init?: ImageErrorInit);
}

export type Qcow2ErrorCode = Exclude<ImageErrorCode, "ERR_PARENT_MISMATCH">;

export class Qcow2Image extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly file: Backend;
    readonly backing: Backend | undefined;
    readonly dataFile: Backend | undefined;
    readonly bitmaps: Bitmaps;
    readonly encryption: Encryption | undefined;
    readonly snapshots: Snapshots;
    readonly vmState: VmState;
    private constructor();
    static open(file: Backend, options?: Qcow2OpenOptions): Promise<Qcow2Image>;
    static create(file: Backend, options: Qcow2CreateOptions): Promise<Qcow2Image>;
    get size(): number;
    get counters(): TableCounters;
    info(): Qcow2Info;
    map(offset: number, length: number, options?: CallOptions): AsyncGenerator<Mapping>;
    writeCompressed(source: Uint8Array, offset: number, options?: CompressedWriteOptions): Promise<void>;
    preallocate(offset: number, length: number, options?: PreallocateOptions): Promise<void>;
    check(options?: ImageCheckOptions): Promise<CheckReport>;
    amend(options: AmendOptions): Promise<void>;
    makeEmpty(): Promise<void>;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doWrite(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doWriteZeroes(offset: number, length: number, signal?: AbortSignal): Promise<void>;
    protected doDiscard(offset: number, length: number, signal?: AbortSignal): Promise<void>;
    protected doTruncate(size: number): Promise<void>;
    protected doSync(): Promise<void>;
    protected doExtents(offset: number, length: number, signal?: AbortSignal): AsyncIterable<Extent>;
    protected doClose(): Promise<void>;
}

export interface Qcow2Info {
    readonly version: 2 | 3;
    readonly size: number;
    readonly clusterSize: number;
    readonly compressionType: CompressionType;
    readonly refcountBits: number;
    readonly lazyRefcounts: boolean;
    readonly dirty: boolean;
    readonly corrupt: boolean;
    readonly encryption: "aes" | "luks" | undefined;
    readonly extendedL2: boolean;
    readonly backingFile: string | undefined;
    readonly backingFormat: string | undefined;
    readonly dataFile: string | undefined;
    readonly dataFileRaw: boolean | undefined;
    readonly snapshots: number;
    readonly features: Readonly<Record<FeatureKind, readonly string[]>>;
}

export interface Qcow2Key {
    readonly passphrase: Uint8Array | (() => Promise<Uint8Array>);
    readonly maxIterations?: number | undefined;
}

export interface Qcow2OpenOptions extends CallOptions, EngineOptions {
    readonly write?: boolean | undefined;
    readonly backing?: Backend | "ignore" | undefined;
    readonly dataFile?: Backend | undefined;
    readonly encryption?: Qcow2Key | undefined;
    readonly metadataOnly?: boolean | undefined;
    readonly openReferenced?: ReferenceGate | undefined;
    readonly depth?: number | undefined;
}

export type ReferenceGate = Gate<ImageReference>;

export type RepairWhat = "leaks" | "all";

export interface SnapshotInfo {
    readonly id: string;
    readonly name: string;
    readonly dateSeconds: number;
    readonly dateNanoseconds: number;
    readonly vmClock: bigint;
    readonly vmStateSize: number;
    readonly icount: bigint | undefined;
    readonly diskSize: number | undefined;
}

export interface SnapshotRef {
    readonly id?: string | undefined;
    readonly name?: string | undefined;
}

export interface Snapshots {
    list(): Promise<readonly SnapshotInfo[]>;
    each(): AsyncIterable<SnapshotInfo>;
    create(options: NewSnapshot): Promise<SnapshotInfo>;
    apply(ref: SnapshotRef): Promise<void>;
    remove(ref: SnapshotRef): Promise<void>;
    open(ref: SnapshotRef): Promise<Backend>;
}

export interface TableCounters {
    readonly l1: CacheCounters;
    readonly l2: CacheCounters;
    readonly refcountTable: CacheCounters;
    readonly refcounts: CacheCounters;
}

export interface VmState {
    read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void>;
    write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void>;
}

export function findSnapshot<T extends SnapshotInfo>(snapshots: readonly T[], text: string): T | undefined;

export function isQcow2Error(error: unknown, code?: Qcow2ErrorCode): error is Qcow2Error;

export function probeQcow2(file: Backend, options?: CallOptions): Promise<boolean>;

export function repairQcow2(file: Backend, what: RepairWhat, options?: CheckOptions): Promise<CheckReport>;
