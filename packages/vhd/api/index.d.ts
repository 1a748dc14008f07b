export { ImageError } from "@instar/image-format";
export { ImageErrorCode } from "@instar/image-format";
export { ImageErrorInit } from "@instar/image-format";
export { isImageError } from "@instar/image-format";
import { Backend } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { CallOptions } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { Extent } from "@instar/backend";
import { ImageReference } from "@instar/image-format";
import { Mapping } from "@instar/image-format";
import { ReferenceGate as Gate } from "@instar/image-format";

export interface ParentReference extends ImageReference {
    readonly kind: "backing";
    readonly names: readonly string[];
    readonly format: undefined;
    readonly uuid: string;
}

export type ReferenceGate = Gate<ParentReference>;

export type SizeRule = "auto" | "geometry" | "current-size";

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
    map(offset: number, length: number, options?: CallOptions): AsyncGenerator<Mapping>;
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

export function probeVhd(file: Backend, options?: CallOptions): Promise<boolean>;
