import { BackendPlugin } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { Extent } from "@instar/backend";
import { OpenOptions } from "@instar/backend";

export class FsBackend extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    private constructor();
    static open(location: string, options?: FsOpenOptions): Promise<FsBackend>;
    get size(): number;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doWrite(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doTruncate(size: number, signal: AbortSignal | undefined): Promise<void>;
    protected doWriteZeroes(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
    protected doDiscard(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
    protected doAllocate(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
    protected doExtents(offset: number, length: number): AsyncGenerator<Extent>;
    protected doSync(): Promise<void>;
    protected doClose(): Promise<void>;
}

export interface FsOpenOptions extends OpenOptions, FsOptions {
}

export interface FsOptions {
    readonly sparse?: SparseCalls | undefined;
}

export interface Koffi {
    load(library: null): {
        func(prototype: string): KoffiFunction;
    };
    errno(): number;
}

export interface KoffiFunction {
    (...args: readonly unknown[]): unknown;
    readonly async: (...args: readonly unknown[]) => unknown;
}

export interface SparseCalls {
    seekData(fd: number, offset: number): Promise<number | undefined>;
    seekHole(fd: number, offset: number): Promise<number>;
    punchHole(fd: number, offset: number, length: number): Promise<void>;
    allocate(fd: number, offset: number, length: number): Promise<void>;
}

export function fsPlugin(options?: FsOptions): BackendPlugin;

export function linuxSparseCalls(koffi: Koffi): SparseCalls;
