export { Mapping } from "@instar/image-format";
export { mapOf } from "@instar/image-format";
import { AddPassphraseOptions } from "@instar/luks";
import { AsyncLruCache } from "@instar/lru-cache";
import { Backend } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { CacheCounters } from "@instar/lru-cache";
import { CacheEvent } from "@instar/lru-cache";
import { CallOptions } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { DirectWrites } from "@instar/lru-cache";
import { Extent } from "@instar/backend";
import { Lease } from "@instar/lru-cache";
import { LuksFormatOptions } from "@instar/luks";
import { LuksHeader } from "@instar/luks";
import { Mapping } from "@instar/image-format";
import { RemovePassphraseOptions } from "@instar/luks";

declare interface Allocation {
    readonly first: number;
    readonly count: number;
    readonly virgin: boolean;
}

declare class Allocator {
    #private;
    constructor(file: HostFile, header: LiveHeader, layout: Layout, refcounts: Refcounts, metadata: MetadataRanges, frees: PendingFrees, space: FreedSpace);
    allocate(most: number): Promise<Allocation>;
    allocateRow(count: number): Promise<Allocation>;
    allocateBytes(length: number): Promise<PackedBytes>;
    giveBack({ first, count }: Readonly<ClusterRange>): void;
    release(flights: Flights): Promise<void>;
    rearrange(work: (hint: number) => Promise<number>): Promise<void>;
}

export interface AmendOptions {
    readonly version?: 2 | 3 | undefined;
    readonly refcountBits?: number | undefined;
    readonly lazyRefcounts?: boolean | undefined;
    readonly size?: number | undefined;
    readonly backing?: {
        readonly name: string;
        readonly format?: string | undefined;
    } | null | undefined;
}

declare interface BitmapEntry {
    readonly name: string;
    readonly nameBytes: Uint8Array;
    readonly granularityBits: number;
    readonly inUse: boolean;
    readonly auto: boolean;
    readonly extraCompatible: boolean;
    readonly extra: Uint8Array;
    readonly tableOffset: number;
    readonly tableSize: number;
    readonly flagsOffset: number;
}

export interface BitmapInfo {
    readonly name: string;
    readonly granularity: number;
    readonly enabled: boolean;
    readonly inconsistent: boolean;
}

declare class BitmapKeeper {
    #private;
    bitmaps: readonly KeptBitmap[];
    constructor(context: BitmapKeeperContext);
    get isKeeping(): boolean;
    get crowded(): boolean;
    record(begin: number, end: number): void;
    begin(): Promise<bigint>;
    replace(wanted: readonly WantedBitmap[]): Promise<void>;
    store(): Promise<void>;
    wanted(): WantedBitmap[];
    end(): Promise<void>;
    refuseResize(size: number): void;
    resize(size: number, change: () => Promise<void>): Promise<void>;
}

declare interface BitmapKeeperContext {
    readonly file: HostFile;
    readonly header: LiveHeader;
    readonly layout: Layout;
    readonly stateSwitch: StateSwitch;
    readonly durability: Durability;
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

declare type ClusterKind = "unallocated" | "reserved" | "normal" | "zero" | "zero-allocated" | "compressed";

declare interface ClusterRange {
    first: number;
    count: number;
}

declare interface CompressedWriteHow {
    readonly unordered: boolean;
    readonly signal: AbortSignal | undefined;
}

export interface CompressedWriteOptions extends CallOptions {
    readonly unordered?: boolean | undefined;
}

declare class CompressedWriter {
    #private;
    constructor(context: CompressedWriterContext, compressionType: CompressionType);
    write(source: Uint8Array, offset: number, { unordered, signal }: CompressedWriteHow): Promise<void>;
}

declare interface CompressedWriterContext {
    readonly file: HostFile;
    readonly data: GuestData;
    readonly layout: Layout;
    readonly tables: Tables;
    readonly l2Tables: L2Tables;
    readonly allocator: Allocator;
    readonly frees: PendingFrees;
    readonly map: GuestMap;
    readonly locks: RangeLocks;
    readonly inflated: InflatedClusters;
    readonly writer: Writer;
}

declare type CompressionType = "zlib" | "zstd";

declare class CopyOnRead {
    #private;
    constructor(context: CopyOnReadContext);
    read(target: Uint8Array, offset: number, prepare: () => Promise<void>, signal: AbortSignal | undefined): Promise<void>;
}

declare interface CopyOnReadContext {
    readonly header: LiveHeader;
    readonly layout: Layout;
    readonly map: GuestMap;
    readonly locks: RangeLocks;
    readonly reader: Reader;
    readonly writer: Writer;
    readonly eraser: Eraser;
}

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

declare class DirtyBits {
    #private;
    constructor(granularityBits: number, chunkBytes: number);
    get bytes(): number;
    chunk(index: number): Uint8Array | undefined;
    set(begin: number, end: number): void;
    add(others: DirtyBits | undefined): void;
}

export interface DirtyRange {
    readonly offset: number;
    readonly length: number;
    readonly dirty: boolean;
}

declare class Durability {
    #private;
    constructor(header: LiveHeader, tables: Tables, frees: PendingFrees, allocator: Allocator, flights: Flights, metadata: MetadataRanges);
    sync(): Promise<void>;
    idle(): Promise<void>;
    writeOut(): Promise<void>;
}

declare interface Engine {
    readonly file: HostFile;
    readonly data: GuestData;
    readonly header: LiveHeader;
    readonly layout: Layout;
    readonly metadata: MetadataRanges;
    readonly tables: Tables;
    readonly l2Tables: L2Tables;
    readonly allocator: Allocator;
    readonly map: GuestMap;
    readonly reader: Reader;
    readonly copyOnRead: CopyOnRead | undefined;
    readonly writer: Writer;
    readonly compressedWriter: CompressedWriter;
    readonly eraser: Eraser;
    readonly zeroes: Zeroes;
    readonly identity: IdentityMapping;
    readonly resizer: Resizer;
    readonly frees: PendingFrees;
    readonly refcounts: Refcounts;
    readonly flights: Flights;
    readonly durability: Durability;
    readonly stateSwitch: StateSwitch;
    readonly bitmaps: BitmapKeeper;
    readonly fileEnd: FileEnd;
    readonly space: FreedSpace;
}

declare interface EngineOptions extends Qcow2CacheOptions {
    readonly discard?: "ignore" | "unmap" | undefined;
    readonly copyOnRead?: boolean | undefined;
}

declare interface EntryProblem {
    readonly part: "L2 entry" | "subcluster bitmap";
    readonly value: string;
    readonly rule: string;
}

declare interface Epoch {
    readonly number: number;
    running: number;
}

declare type EraseMode = "zero" | "discard" | "drop";

declare class Eraser {
    #private;
    constructor(context: EraserContext);
    erase(begin: number, end: number, mode: EraseMode, signal?: AbortSignal): Promise<number>;
    zeroHeld(begin: number, end: number): Promise<void>;
}

declare interface EraserContext {
    readonly file: HostFile;
    readonly data: GuestData;
    readonly external: ExternalData | undefined;
    readonly layout: Layout;
    readonly tables: Tables;
    readonly l1: L1Table;
    readonly l2Tables: L2Tables;
    readonly frees: PendingFrees;
    readonly map: GuestMap;
    readonly reader: Reader;
    readonly locks: RangeLocks;
}

declare class ExternalData implements GuestData {
    #private;
    readonly raw: boolean;
    readonly end: number;
    readonly uncompressible: string;
    constructor(file: HostFile, header: LiveHeader, raw: boolean);
    get name(): string;
    get writes(): DirectWrites;
    read(target: Uint8Array, hostOffset: number, _guestOffset: number, signal?: AbortSignal): Promise<void>;
    write(source: Uint8Array, hostOffset: number): Promise<void>;
    sync(): Promise<void>;
    erase(begin: number, end: number, mode: EraseMode): Promise<void>;
    resize(old: number, size: number): Promise<void>;
}

declare type FeatureBits = Readonly<Record<FeatureKind, bigint>>;

export type FeatureKind = "incompatible" | "compatible" | "autoclear";

declare class FileEnd {
    #private;
    constructor(context: FileEndContext);
    cutOff(): Promise<void>;
}

declare interface FileEndContext {
    readonly file: HostFile;
    readonly layout: Layout;
    readonly tables: Tables;
    readonly metadata: MetadataRanges;
    readonly refcounts: Refcounts;
    readonly allocator: Allocator;
    readonly durability: Durability;
}

export interface FixedProblems {
    readonly corruptions: number;
    readonly leaks: number;
}

declare class Flights {
    #private;
    tryEnter(): Epoch | undefined;
    enter(): Promise<Epoch>;
    leave(epoch: Epoch): void;
    cut(): number;
    ended(mark: number): boolean;
    alone<T>(work: () => Promise<T>): Promise<T>;
}

declare interface FreeRun {
    readonly first: number;
    readonly count: number;
    readonly end: number;
}

declare interface FreedBatch {
    readonly ranges: ClusterRange[];
    readonly mark: number;
}

declare class FreedSpace {
    #private;
    constructor(file: HostFile, clusterSize: number, enabled: boolean);
    giveBack(clusters: readonly number[]): Promise<void>;
    giveBackRow(first: number, count: number): Promise<void>;
}

declare class FreshClusters {
    #private;
    constructor(context: FreshClustersContext);
    write(source: Uint8Array, run: Run): Promise<number>;
}

declare interface FreshClustersContext {
    readonly data: GuestData;
    readonly header: LiveHeader;
    readonly layout: Layout;
    readonly tables: Tables;
    readonly l2Tables: L2Tables;
    readonly allocator: Allocator;
    readonly frees: PendingFrees;
    readonly map: GuestMap;
    readonly reader: Reader;
}

declare interface Geometry {
    readonly clusterBits: number;
    readonly clusterSize: number;
    readonly l2Bits: number;
    readonly extendedL2: boolean;
    readonly l2Entries: number;
    readonly subclusterBits: number;
    readonly subclusterSize: number;
    readonly subclusters: number;
    readonly l2Coverage: number;
    readonly refcountOrder: number;
    readonly refcountBits: number;
    readonly refcountBlockBits: number;
    readonly refcountsPerBlock: number;
    readonly guestSize: number;
    readonly l1Entries: number;
}

declare interface GuestData {
    readonly name: string;
    readonly end: number;
    readonly writes: DirectWrites;
    readonly sealed?: boolean;
    readonly uncompressible?: string;
    read(target: Uint8Array, hostOffset: number, guestOffset: number, signal?: AbortSignal): Promise<void>;
    write(source: Uint8Array, hostOffset: number, guestOffset: number): Promise<void>;
    sync(): Promise<void>;
}

declare class GuestMap {
    #private;
    constructor(file: HostFile, data: GuestData, layout: Layout, tables: Tables, l1: L1Table);
    tryRun(offset: number, end: number): Run | undefined;
    run(offset: number, end: number): Promise<Run>;
    get sliceCoverage(): number;
    entryAt(table: number, offset: number): number;
}

declare type HeaderChange = Partial<Omit<Qcow2Header, "clusterBits" | "backingFileOffset">>;

declare interface HeaderExtension {
    readonly type: number;
    readonly data: Uint8Array;
}

declare class HostFile {
    readonly backend: Backend;
    readonly everything: DirectWrites;
    readonly data: DirectWrites;
    constructor(backend: Backend);
    get name(): string;
    get size(): number;
    read(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
    write(source: Uint8Array, offset: number): Promise<void>;
    writeData(source: Uint8Array, offset: number): Promise<void>;
    wroteData(): void;
    zero(offset: number, length: number): Promise<void>;
    discard(offset: number, length: number): Promise<void>;
    truncate(size: number): Promise<void>;
    sync(): Promise<void>;
}

declare class IdentityMapping {
    #private;
    constructor(context: IdentityMappingContext);
    map(begin: number, end: number): Promise<void>;
}

declare interface IdentityMappingContext {
    readonly layout: Layout;
    readonly tables: Tables;
    readonly l2Tables: L2Tables;
    readonly map: GuestMap;
}

export interface ImageCheckOptions extends CheckOptions {
    readonly repair?: RepairWhat | undefined;
}

export class ImageEncryption {
    #private;
    constructor(host: ImageHost);
    luksHeader(options?: CallOptions): Promise<LuksHeader>;
    addPassphrase(options: AddPassphraseOptions): Promise<number>;
    removePassphrase(options: RemovePassphraseOptions): Promise<number>;
}

declare interface ImageHost {
    readonly engine: Engine;
    readonly backing: Backend | undefined;
    readonly openSnapshots: Map<string, number>;
    readonly prepare: () => Promise<void>;
    readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
    readonly renew: () => Promise<void>;
}

export interface ImageReference {
    readonly kind: "backing" | "data-file";
    readonly name: string;
    readonly format: string | undefined;
    readonly image: string;
    readonly depth: number;
    readonly write: boolean;
}

declare class InflatedClusters {
    #private;
    constructor(file: HostFile, layout: Layout, compressionType: CompressionType);
    read({ hostOffset, compressedLength }: Run): Promise<Uint8Array>;
    forget(): void;
    forgetAt(hostOffset: number): void;
}

declare interface KeptBitmap {
    entry: BitmapEntry;
    readonly inconsistent: boolean;
    bits: DirtyBits | undefined;
}

declare interface L1Entry {
    readonly offset: number;
    readonly copied: boolean;
}

declare class L1Table {
    #private;
    constructor(file: HostFile, header: LiveHeader, layout: Layout, tables: Tables);
    get length(): number;
    tryEntry(index: number): L1Entry | undefined;
    entry(index: number): Promise<L1Entry>;
    countEmpty(index: number): number;
    write(index: number, offset: number): Promise<void>;
}

declare interface L2Codec {
    readonly entrySize: number;
    readonly all: number;
    decode(view: DataView, position: number): L2Entry;
    write(view: DataView, position: number, entry: L2Entry): void;
    isEmpty(view: DataView, position: number): boolean;
    countAlike(view: DataView, position: number, first: number, most: number): number;
    problem(view: DataView, position: number, fileSize: number): EntryProblem | undefined;
    contentProblem(view: DataView, position: number): EntryProblem | undefined;
}

declare interface L2Entry {
    readonly compressed: boolean;
    readonly copied: boolean;
    readonly hostOffset: number;
    readonly compressedLength: number;
    readonly stored: number;
    readonly zero: number;
}

declare class L2Tables {
    #private;
    constructor(context: L2TablesContext);
    writable(index: number): Promise<number>;
}

declare interface L2TablesContext {
    readonly file: HostFile;
    readonly layout: Layout;
    readonly tables: Tables;
    readonly l1: L1Table;
    readonly allocator: Allocator;
    readonly frees: PendingFrees;
    readonly metadata: MetadataRanges;
}

declare type Layout = Omit<Geometry, "guestSize" | "l1Entries"> & {
    readonly version: 2 | 3;
    readonly external: boolean;
    readonly l2: L2Codec;
};

declare class LiveHeader {
    #private;
    constructor(file: HostFile, header: Qcow2Header);
    get current(): Qcow2Header;
    update(change: HeaderChange): Promise<void>;
    get isPrepared(): boolean;
    clearAutoclear(kept: bigint): Promise<void>;
    settle(): Promise<void>;
}

declare type MetadataKind = "L2 table" | "refcount block" | "snapshot table" | "L1 table of a snapshot" | "another table";

declare class MetadataRanges {
    #private;
    constructor(file: HostFile, header: LiveHeader, layout: Layout);
    get isKnown(): boolean;
    get isViolated(): boolean;
    learn(): Promise<void>;
    forget(): void;
    add(offset: number, kind: MetadataKind): void;
    remove(offset: number): void;
    refuse(offset: number, length: number, why: string): void;
    require(offset: number, kind: MetadataKind): void;
    requireSound(): void;
    mark(): Promise<void>;
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

declare class NextRefcounts {
    #private;
    firstFreed: number;
    readonly freed: ClusterRange[];
    private constructor();
    static begin(context: NextRefcountsContext, from: number, order: number): Promise<NextRefcounts>;
    get(cluster: number): number | Promise<number>;
    add(cluster: number, by: 1 | -1): Promise<void> | undefined;
    addRow(first: number, count: number, by: 1 | -1): Promise<void>;
    allocate(count: number): Promise<number>;
    finish(): Promise<{
        readonly refcountTableOffset: number;
        readonly refcountTableClusters: number;
    }>;
    end(): void;
}

declare interface NextRefcountsContext {
    readonly file: HostFile;
    readonly header: LiveHeader;
    readonly layout: Layout;
    readonly refcounts: Refcounts;
    readonly metadata: MetadataRanges;
}

declare interface PackedBytes extends Readonly<ClusterRange> {
    readonly offset: number;
}

declare class PendingFrees {
    #private;
    add(first: number, count: number): void;
    get crowded(): boolean;
    take(mark: number): FreedBatch;
    putBack(batch: FreedBatch): void;
    madeDurable(batch: FreedBatch): void;
    releasable(ended: (mark: number) => boolean): FreedBatch | undefined;
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

export class Qcow2Error extends Error {
    readonly code: Qcow2ErrorCode;
    readonly field: string | undefined;
    readonly value: number | bigint | string | undefined;
    readonly rule: string | undefined;
    constructor(code: Qcow2ErrorCode, message: string, init?: Qcow2ErrorInit);
}

export type Qcow2ErrorCode = "ERR_NOT_QCOW2" | "ERR_UNSUPPORTED_VERSION" | "ERR_UNKNOWN_FEATURE" | "ERR_UNSUPPORTED_FEATURE" | "ERR_ENCRYPTED" | "ERR_WRONG_PASSPHRASE" | "ERR_INVALID_HEADER" | "ERR_TRUNCATED" | "ERR_CORRUPT" | "ERR_REFERENCE_DENIED" | "ERR_INVALID_OPTION";

export interface Qcow2ErrorInit {
    readonly field?: string | undefined;
    readonly value?: number | bigint | string | undefined;
    readonly rule?: string | undefined;
    readonly cause?: unknown;
}

declare interface Qcow2Header {
    readonly version: 2 | 3;
    readonly clusterBits: number;
    readonly size: number;
    readonly l1Size: number;
    readonly l1TableOffset: number;
    readonly refcountTableOffset: number;
    readonly refcountTableClusters: number;
    readonly snapshotCount: number;
    readonly snapshotsOffset: number;
    readonly features: FeatureBits;
    readonly cryptMethod: 0 | 1 | 2;
    readonly refcountOrder: number;
    readonly compressionType: CompressionType;
    readonly headerLength: number;
    readonly unknownFields: Uint8Array;
    readonly extensions: readonly HeaderExtension[];
    readonly backingFileOffset: number;
    readonly backingFileName: Uint8Array;
}

export class Qcow2Image extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly file: Backend;
    readonly backing: Backend | undefined;
    readonly dataFile: Backend | undefined;
    readonly bitmaps: Bitmaps;
    readonly encryption: ImageEncryption | undefined;
    readonly snapshots: Snapshots;
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

declare interface RangeLock {
    release(): void;
}

declare class RangeLocks {
    #private;
    acquire(first: number, last: number): Promise<RangeLock>;
}

declare class Reader {
    #private;
    constructor(data: GuestData, layout: Layout, map: GuestMap, inflated: InflatedClusters, backing: Backend | undefined);
    read(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
    get backingEnd(): number;
    isZero(run: Run, offset?: number): boolean;
}

declare class Refcounts {
    #private;
    constructor(file: HostFile, header: LiveHeader, layout: Layout, tables: Tables, metadata: MetadataRanges);
    findFree(from: number, most: number): Promise<FreeRun>;
    take(first: number, count: number): Promise<number>;
    share(cluster: number): Promise<boolean>;
    drop(first: number, count: number): Promise<{
        readonly done: number;
        readonly free: number[];
    }>;
    usedEnd(end: number): Promise<number>;
    dropLoneBlock(cluster: number): Promise<boolean>;
    hasBlock(cluster: number): Promise<boolean>;
    createBlock(cluster: number): Promise<{
        readonly first: number;
        readonly count: number;
    } | undefined>;
}

export type ReferenceGate = (reference: ImageReference, options: CallOptions) => Promise<Backend>;

export type RepairWhat = "leaks" | "all";

declare class Resizer {
    #private;
    constructor(context: ResizerContext);
    resize(size: number): Promise<void>;
}

declare interface ResizerContext {
    readonly file: HostFile;
    readonly data: GuestData;
    readonly external: ExternalData | undefined;
    readonly header: LiveHeader;
    readonly layout: Layout;
    readonly tables: Tables;
    readonly l1: L1Table;
    readonly metadata: MetadataRanges;
    readonly allocator: Allocator;
    readonly frees: PendingFrees;
    readonly eraser: Eraser;
    readonly zeroes: Zeroes;
    readonly identity: IdentityMapping;
    readonly fileEnd: FileEnd;
}

declare interface Run {
    readonly kind: ClusterKind;
    readonly copied: boolean;
    readonly guestOffset: number;
    length: number;
    readonly hostOffset: number;
    readonly compressedLength: number;
}

declare interface Slice {
    readonly bytes: Uint8Array;
    readonly view: DataView;
}

declare class SliceCache extends AsyncLruCache<number, Slice> {
    readonly sliceSize: number;
    constructor(options: SliceCacheOptions);
    tryAt(offset: number): SliceLease | undefined;
    at(offset: number): Promise<SliceLease>;
    position(offset: number): number;
    forget(offset: number, length: number): Promise<void>;
}

declare interface SliceCacheOptions {
    readonly name: string;
    readonly file: HostFile;
    readonly sliceSize: number;
    readonly bytes: number;
    readonly observer?: ((event: CacheEvent<number>) => void) | undefined;
}

declare type SliceLease = Lease<number, Slice>;

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
    create(options: NewSnapshot): Promise<SnapshotInfo>;
    apply(ref: SnapshotRef): Promise<void>;
    remove(ref: SnapshotRef): Promise<void>;
    open(ref: SnapshotRef): Promise<Backend>;
}

declare class StateSwitch {
    #private;
    constructor(context: StateSwitchContext);
    run(build: (next: NextRefcounts) => Promise<HeaderChange>, order?: number): Promise<void>;
    inFile<T>(work: () => Promise<T>): Promise<T>;
}

declare interface StateSwitchContext {
    readonly file: HostFile;
    readonly header: LiveHeader;
    readonly layout: Layout;
    readonly tables: Tables;
    readonly refcounts: Refcounts;
    readonly allocator: Allocator;
    readonly metadata: MetadataRanges;
    readonly inflated: InflatedClusters;
    readonly space: FreedSpace;
}

export interface TableCounters {
    readonly l1: CacheCounters;
    readonly l2: CacheCounters;
    readonly refcountTable: CacheCounters;
    readonly refcounts: CacheCounters;
}

declare class Tables {
    #private;
    readonly l1: SliceCache;
    readonly l2: SliceCache;
    readonly refcountTable: SliceCache;
    readonly refcounts: SliceCache;
    constructor(file: HostFile, data: GuestData, clusterSize: number, limits?: CacheLimits, observer?: (event: CacheEvent<number>) => void);
    orderL2(): Promise<void>;
    orderL1(): Promise<void>;
    orderRefcountTable(): Promise<void>;
    syncRefcounts(): Promise<void>;
    sync(): Promise<void>;
    forget(): Promise<void>;
    get counters(): TableCounters;
}

declare interface WantedBitmap {
    readonly entry: BitmapEntry;
    readonly exists: boolean;
    readonly inconsistent?: boolean | undefined;
    readonly bits?: DirtyBits | undefined;
    readonly trim?: boolean | undefined;
}

declare class Writer {
    #private;
    constructor(data: GuestData, layout: Layout, map: GuestMap, fresh: FreshClusters, locks: RangeLocks, sliceCoverage: number);
    write(source: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
    writeHeld(source: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
}

declare class Zeroes {
    #private;
    constructor(layout: Layout, map: GuestMap, reader: Reader, writer: Writer, eraser: Eraser);
    zero(begin: number, end: number, diskEnd: number, signal?: AbortSignal): Promise<number>;
}

export function findSnapshot<T extends SnapshotInfo>(snapshots: readonly T[], text: string): T | undefined;

export function isQcow2Error(error: unknown, code?: Qcow2ErrorCode): error is Qcow2Error;

export function probeQcow2(file: Backend, options?: CallOptions): Promise<boolean>;

export function repairQcow2(file: Backend, what: RepairWhat, options?: CheckOptions): Promise<CheckReport>;
