export { ImageError } from "@instar/image-format";
export { ImageErrorCode } from "@instar/image-format";
export { ImageErrorInit } from "@instar/image-format";
export { isImageError } from "@instar/image-format";
import { Backend } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { CallOptions } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { Extent } from "@instar/backend";
import { Mapping } from "@instar/image-format";

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
    map(offset: number, length: number, options?: CallOptions): AsyncGenerator<Mapping>;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent>;
    protected doClose(): Promise<void>;
}

export interface VdiOpenOptions extends CallOptions {
    readonly cacheBytes?: number | undefined;
}

export function probeVdi(file: Backend, options?: CallOptions): Promise<boolean>;
