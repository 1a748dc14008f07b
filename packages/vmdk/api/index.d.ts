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

export type ReferenceGate = Gate<VmdkReference>;

export interface VmdkExtentInfo {
    readonly name: string | undefined;
    readonly type: "SPARSE" | "FLAT" | "ZERO" | undefined;
    readonly size: number;
    readonly grainSize: number | undefined;
    readonly compressed: boolean;
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
    map(offset: number, length: number, options?: CallOptions): AsyncGenerator<Mapping>;
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
    readonly extents: readonly VmdkExtentInfo[];
}

export interface VmdkOpenOptions extends CallOptions {
    readonly backing?: Backend | "ignore" | undefined;
    readonly openReferenced?: ReferenceGate | undefined;
    readonly depth?: number | undefined;
    readonly cacheBytes?: number | undefined;
}

export interface VmdkReference extends ImageReference {
    readonly format: "raw" | "vmdk";
}

export function probeVmdk(file: Backend, options?: CallOptions): Promise<boolean>;
