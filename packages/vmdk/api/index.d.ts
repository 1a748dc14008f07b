import { Backend } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { CallOptions } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { Extent } from "@instar/backend";

export interface ImageReference {
    readonly kind: "extent" | "backing";
    readonly name: string;
    readonly format: "raw" | "vmdk";
    readonly image: string;
    readonly depth: number;
}

export type ReferenceGate = (reference: ImageReference, options: CallOptions) => Promise<Backend>;

export class VmdkError extends Error {
    readonly code: VmdkErrorCode;
    readonly field: string | undefined;
    readonly value: number | string | undefined;
    readonly rule: string | undefined;
    constructor(code: VmdkErrorCode, message: string, init?: VmdkErrorInit);
}

export type VmdkErrorCode = "ERR_NOT_VMDK" | "ERR_UNSUPPORTED_VERSION" | "ERR_UNSUPPORTED_FEATURE" | "ERR_INVALID_HEADER" | "ERR_TRUNCATED" | "ERR_CORRUPT" | "ERR_REFERENCE_DENIED" | "ERR_PARENT_MISMATCH" | "ERR_INVALID_OPTION";

export interface VmdkErrorInit {
    readonly field?: string | undefined;
    readonly value?: number | string | undefined;
    readonly rule?: string | undefined;
    readonly cause?: unknown;
}

export class VmdkImage extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly size: number;
    readonly file: Backend;
    readonly backing: Backend | undefined;
    private constructor();
    static open(file: Backend, options?: VmdkOpenOptions): Promise<VmdkImage>;
    info(): VmdkInfo;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent>;
    protected doClose(): Promise<void>;
}

export interface VmdkInfo {
    readonly createType: string;
    readonly size: number;
    readonly grainSize: number | undefined;
    readonly compressed: boolean;
    readonly contentId: number;
    readonly parentContentId: number | undefined;
    readonly parentName: string | undefined;
    readonly extentSizes: readonly number[];
}

export interface VmdkOpenOptions extends CallOptions {
    readonly backing?: Backend | "ignore" | undefined;
    readonly openReferenced?: ReferenceGate | undefined;
    readonly depth?: number | undefined;
    readonly cacheBytes?: number | undefined;
}

export function isVmdkError(error: unknown, code?: VmdkErrorCode): error is VmdkError;

export function probeVmdk(file: Backend, options?: CallOptions): Promise<boolean>;
