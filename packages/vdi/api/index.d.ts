import { Backend } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { CallOptions } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { Extent } from "@instar/backend";

export class VdiError extends Error {
    readonly code: VdiErrorCode;
    readonly field: string | undefined;
    readonly value: number | string | undefined;
    readonly rule: string | undefined;
    constructor(code: VdiErrorCode, message: string, init?: VdiErrorInit);
}

export type VdiErrorCode = "ERR_NOT_VDI" | "ERR_UNSUPPORTED_VERSION" | "ERR_UNSUPPORTED_FEATURE" | "ERR_INVALID_HEADER" | "ERR_TRUNCATED" | "ERR_CORRUPT" | "ERR_INVALID_OPTION";

export interface VdiErrorInit {
    readonly field?: string | undefined;
    readonly value?: number | string | undefined;
    readonly rule?: string | undefined;
    readonly cause?: unknown;
}

export interface VdiHeader {
    readonly type: "dynamic" | "static";
    readonly size: number;
    readonly blockSize: number;
    readonly blocks: number;
    readonly allocatedBlocks: number;
    readonly blockMapOffset: number;
    readonly dataOffset: number;
    readonly uuid: string;
}

export class VdiImage extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly file: Backend;
    private constructor();
    static open(file: Backend, options?: VdiOpenOptions): Promise<VdiImage>;
    get size(): number;
    info(): VdiHeader;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent>;
    protected doClose(): Promise<void>;
}

export interface VdiOpenOptions extends CallOptions {
    readonly cacheBytes?: number | undefined;
}

export function isVdiError(error: unknown, code?: VdiErrorCode): error is VdiError;

export function probeVdi(file: Backend, options?: CallOptions): Promise<boolean>;
