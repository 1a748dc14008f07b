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

export class S3Backend extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly counters: RangeCounters;
    private constructor();
    get size(): number;
    static open(options: S3OpenOptions): Promise<S3Backend>;
    protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
    protected doClose(): Promise<void>;
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

export interface S3OpenOptions extends OpenOptions, S3Options, S3Location {
}

export interface S3Options extends RangeEngineOptions, Partial<Pick<S3Location, "endpoint" | "region" | "addressing">> {
    readonly credentials?: S3Credentials | S3CredentialProvider | undefined;
    readonly now?: (() => number) | undefined;
    readonly redirects?: number | undefined;
    readonly ca?: string | undefined;
    readonly transport?: Transport | undefined;
}

export function awsChain(options?: {
    readonly profile?: string | undefined;
}): S3CredentialProvider;

export function parseS3Url(location: string): S3Location;

export function presign({ credentials, time, seconds, ...location }: PresignOptions): string;

export function s3Plugin(options?: S3Options): BackendPlugin;
