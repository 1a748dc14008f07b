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
    readonly linkage: readonly string[];
    readonly image: string;
    readonly depth: number;
}

export type ReferenceGate = (reference: ImageReference, options: CallOptions) => Promise<Backend>;

export class VhdxError extends Error {
    readonly code: VhdxErrorCode;
    readonly field: string | undefined;
    readonly value: number | string | undefined;
    readonly rule: string | undefined;
    constructor(code: VhdxErrorCode, message: string, init?: VhdxErrorInit);
}

export type VhdxErrorCode = "ERR_NOT_VHDX" | "ERR_UNSUPPORTED_VERSION" | "ERR_UNSUPPORTED_FEATURE" | "ERR_INVALID_HEADER" | "ERR_TRUNCATED" | "ERR_CORRUPT" | "ERR_REFERENCE_DENIED" | "ERR_PARENT_MISMATCH" | "ERR_INVALID_OPTION";

export interface VhdxErrorInit {
    readonly field?: string | undefined;
    readonly value?: number | string | undefined;
    readonly rule?: string | undefined;
    readonly cause?: unknown;
}

export class VhdxImage extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly file: Backend;
    readonly backing: Backend | undefined;
    private constructor();
    static open(file: Backend, options?: VhdxOpenOptions): Promise<VhdxImage>;
    get size(): number;
    info(): VhdxInfo;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent>;
    protected doClose(): Promise<void>;
}

export interface VhdxInfo {
    readonly type: "fixed" | "dynamic" | "differencing";
    readonly size: number;
    readonly blockSize: number;
    readonly logicalSectorSize: number;
    readonly physicalSectorSize: number | undefined;
    readonly dataWriteGuid: string;
    readonly logReplayed: boolean;
    readonly parentNames: readonly string[];
}

export interface VhdxOpenOptions extends CallOptions {
    readonly backing?: Backend | "ignore" | undefined;
    readonly openReferenced?: ReferenceGate | undefined;
    readonly depth?: number | undefined;
    readonly cacheBytes?: number | undefined;
}

export function isVhdxError(error: unknown, code?: VhdxErrorCode): error is VhdxError;

export function probeVhdx(file: Backend, options?: CallOptions): Promise<boolean>;
