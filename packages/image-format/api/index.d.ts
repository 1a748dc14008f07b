import { Backend } from "@instar/backend";
import { CallOptions } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { Extent } from "@instar/backend";

export class ImageError extends Error {
    readonly format: string;
    readonly code: ImageErrorCode;
    readonly field: string | undefined;
    readonly value: number | bigint | string | undefined;
    readonly rule: string | undefined;
    constructor(format: string, code: ImageErrorCode, message: string, init?: ImageErrorInit);
}

export type ImageErrorCode = "ERR_NOT_THIS_FORMAT" | "ERR_UNSUPPORTED_VERSION" | "ERR_UNKNOWN_FEATURE" | "ERR_UNSUPPORTED_FEATURE" | "ERR_ENCRYPTED" | "ERR_WRONG_PASSPHRASE" | "ERR_INVALID_HEADER" | "ERR_TRUNCATED" | "ERR_CORRUPT" | "ERR_REFERENCE_DENIED" | "ERR_PARENT_MISMATCH" | "ERR_INVALID_OPTION";

export interface ImageErrorInit {
    readonly field?: string | undefined;
    readonly value?: number | bigint | string | undefined;
    readonly rule?: string | undefined;
    readonly cause?: unknown;
}

export interface ImageReference {
    readonly kind: "extent" | "data-file" | "backing";
    readonly name: string;
    readonly format: string | undefined;
    readonly image: string;
    readonly depth: number;
}

export interface Mapping {
    readonly offset: number;
    readonly length: number;
    readonly depth: number;
    readonly present: boolean;
    readonly zero: boolean;
    readonly data: boolean;
    readonly compressed: boolean;
    readonly hostOffset?: number;
    readonly file?: string;
}

export type ReferenceGate<Reference extends ImageReference = ImageReference> = (reference: Reference, options: CallOptions) => Promise<Backend>;

export type RuleError = (code: ImageErrorCode, where: string, field: string, value: number | string, rule: string) => ImageError;

export class TableSlices {
    #private;
    constructor(format: string, file: Backend, bytes: number);
    use<T>(offset: number, length: number, signal: AbortSignal | undefined, use: (slice: DataView, position: number) => T): Promise<T>;
}

export function extentsBelow(parent: Backend | undefined, offset: number, length: number, signal: AbortSignal | undefined): AsyncGenerator<Extent>;

export function isImageError(error: unknown, code?: ImageErrorCode): error is ImageError;

export function joinMappings(pieces: AsyncIterable<Mapping>): AsyncGenerator<Mapping>;

export function mapBelow(parent: Backend | undefined, offset: number, length: number, call: CallOptions): AsyncGenerator<Mapping>;

export function mapOf(backend: Backend, offset: number, length: number, options?: CallOptions): AsyncIterable<Mapping>;

export function mappedData(offset: number, length: number, place?: {
    readonly file: string;
    readonly hostOffset: number;
}): Mapping;

export function mappedNowhere(offset: number, length: number): Mapping;

export function mappedZero(offset: number, length: number): Mapping;

export function openReference<Reference extends ImageReference>(format: string, reference: Reference, gate: ReferenceGate<Reference> | undefined, options: CallOptions): Promise<Backend>;

export function quote(text: string): string;

export function readBelow(parent: Backend | undefined, target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;

export function readOnlyCapabilities(file: Backend): Capabilities;

export function ruleErrorOf(format: string): RuleError;
