import { Backend } from "@instar/backend";
import { BackendPlugin } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { Capabilities } from "@instar/backend";
import { OpenOptions } from "@instar/backend";
import { RangeCounters } from "@instar/backend-http/engine";
import { RangeEngineOptions } from "@instar/backend-http/engine";
import { Transport } from "@instar/backend-http/engine";

export interface PresignOptions extends S3Location {
    readonly credentials: S3Credentials;
    readonly time: number;
    readonly seconds?: number | undefined;
}

export type PublishGuarantee = "conditional" | "locked" | "checked";

export class S3Backend extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly counters: RangeCounters;
    readonly guarantee: PublishGuarantee | undefined;
    private constructor();
    get size(): number;
    static open(options: S3OpenOptions): Promise<S3Backend>;
    abandon(): Promise<void>;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doWrite(source: Uint8Array, offset: number): Promise<void>;
    protected doTruncate(size: number): Promise<void>;
    protected doWriteZeroes(offset: number, length: number): Promise<void>;
    protected doSync(signal: AbortSignal | undefined): Promise<void>;
    protected doClose(): Promise<void>;
}

export interface S3Conditions {
    readonly put: "quoted" | "unquoted" | "none";
    readonly complete: boolean;
}

export type S3CredentialProvider = () => Promise<S3Credentials> | S3Credentials;

export interface S3Credentials {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string | undefined;
    readonly expiration?: Date | undefined;
}

export interface S3Location {
    readonly bucket: string;
    readonly key: string;
    readonly endpoint?: string | undefined;
    readonly region?: string | undefined;
    readonly addressing?: "path" | "virtual" | undefined;
}

export interface S3OpenOptions extends OpenOptions, S3Options, S3WriteOptions, S3Location {
}

export interface S3Options extends RangeEngineOptions, Partial<Pick<S3Location, "endpoint" | "region" | "addressing">> {
    readonly credentials?: S3Credentials | S3CredentialProvider | undefined;
    readonly now?: (() => number) | undefined;
    readonly redirects?: number | undefined;
    readonly ca?: string | undefined;
    readonly connections?: number | undefined;
    readonly transport?: Transport | undefined;
}

export interface S3WriteOptions {
    readonly memory?: number | undefined;
    readonly spill?: (() => Promise<Backend>) | undefined;
    readonly conditions?: S3Conditions | undefined;
    readonly equalParts?: boolean | undefined;
    readonly parallelParts?: number | undefined;
    readonly staleUploads?: number | undefined;
}

export function awsChain(options?: {
    readonly profile?: string | undefined;
}): S3CredentialProvider;

export function parseS3Url(location: string): S3Location;

export function presign({ credentials, time, seconds, ...location }: PresignOptions): string;

export function s3Plugin(options?: S3Options & S3WriteOptions): BackendPlugin;
