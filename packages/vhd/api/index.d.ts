import { Backend } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { CallOptions } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { Extent } from "@instar/backend";

export interface ImageReference {
    readonly kind: "backing";
    readonly name: string;
    readonly names: readonly string[];
    readonly format: undefined;
    readonly uuid: string;
    readonly image: string;
    readonly depth: number;
}

export type ReferenceGate = (reference: ImageReference, options: CallOptions) => Promise<Backend>;

export type SizeRule = "auto" | "geometry" | "current-size";

export class VhdError extends Error {
    readonly code: VhdErrorCode;
    readonly field: string | undefined;
    readonly value: number | string | undefined;
    readonly rule: string | undefined;
    constructor(code: VhdErrorCode, message: string, init?: VhdErrorInit);
}

export type VhdErrorCode = "ERR_NOT_VHD" | "ERR_UNSUPPORTED_VERSION" | "ERR_UNSUPPORTED_FEATURE" | "ERR_INVALID_HEADER" | "ERR_TRUNCATED" | "ERR_CORRUPT" | "ERR_REFERENCE_DENIED" | "ERR_PARENT_MISMATCH" | "ERR_INVALID_OPTION";

export interface VhdErrorInit {
    readonly field?: string | undefined;
    readonly value?: number | string | undefined;
    readonly rule?: string | undefined;
    readonly cause?: unknown;
}

export class VhdImage extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly file: Backend;
    readonly backing: Backend | undefined;
    private constructor();
    static open(file: Backend, options?: VhdOpenOptions): Promise<VhdImage>;
    get size(): number;
    info(): VhdInfo;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent>;
    protected doClose(): Promise<void>;
}

export interface VhdInfo {
    readonly type: "fixed" | "dynamic" | "differencing";
    readonly size: number;
    readonly creator: string;
    readonly currentSize: number;
    readonly geometrySize: number;
    readonly blockSize: number | undefined;
    readonly uuid: string;
    readonly parentUuid: string | undefined;
    readonly parentNames: readonly string[];
}

export interface VhdOpenOptions extends CallOptions {
    readonly backing?: Backend | "ignore" | undefined;
    readonly openReferenced?: ReferenceGate | undefined;
    readonly depth?: number | undefined;
    readonly sizeFrom?: SizeRule | undefined;
    readonly cacheBytes?: number | undefined;
}

export function isVhdError(error: unknown, code?: VhdErrorCode): error is VhdError;

export function probeVhd(file: Backend, options?: CallOptions): Promise<boolean>;
