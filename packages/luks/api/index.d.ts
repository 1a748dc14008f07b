import { Backend } from "@instar/backend";
import { BaseBackend } from "@instar/backend";
import { CallOptions } from "@instar/backend";
import { Capabilities } from "@instar/backend";

export interface AddPassphraseOptions extends UnlockOptions, IterationOptions {
    readonly newPassphrase: Uint8Array;
    readonly slot?: number | undefined;
}

export const CIPHERS: readonly ["aes-256", "aes-192", "aes-128", "serpent-256", "serpent-192", "serpent-128", "twofish-256", "twofish-192", "twofish-128", "cast5-128"];

export type CipherMode = (typeof MODES)[number];

export type CipherName = (typeof CIPHERS)[number];

export interface CipherSuite {
    readonly cipher: CipherName;
    readonly mode: CipherMode;
    readonly iv: IvGenerator;
    readonly ivHash: HashName | undefined;
}

export const HASHES: readonly ["sha256", "sha1", "sha224", "sha384", "sha512", "ripemd160", "md5"];

export type HashName = (typeof HASHES)[number];

export const IV_GENERATORS: readonly ["plain64", "plain", "essiv"];

export interface IterationOptions {
    readonly iterations?: number | undefined;
    readonly iterTime?: number | undefined;
    readonly clock?: (() => number) | undefined;
}

export type IvGenerator = (typeof IV_GENERATORS)[number];

export interface KeySlot {
    readonly active: boolean;
    readonly iterations: number;
    readonly salt: Uint8Array;
    readonly materialOffset: number;
    readonly stripes: number;
}

export type LuksArea = Pick<Backend, "read" | "write" | "sync" | "size">;

export interface LuksCreateOptions extends LuksFormatOptions {
    readonly size: number;
}

export class LuksDisk extends BaseBackend {
    #private;
    readonly name: string;
    readonly capabilities: Capabilities;
    readonly header: LuksHeader;
    private constructor();
    static open(file: Backend, options?: LuksOpenOptions): Promise<LuksDisk>;
    static create(file: Backend, options: LuksCreateOptions): Promise<LuksDisk>;
    get size(): number;
    protected doRead(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
    protected doWrite(source: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
    protected doTruncate(size: number, signal?: AbortSignal): Promise<void>;
    protected doSync(signal?: AbortSignal): Promise<void>;
    protected doClose(): Promise<void>;
}

export class LuksError extends Error {
    readonly code: LuksErrorCode;
    constructor(code: LuksErrorCode, message: string);
}

export type LuksErrorCode = "ERR_NOT_LUKS" | "ERR_UNSUPPORTED_VERSION" | "ERR_UNSUPPORTED_CIPHER" | "ERR_INVALID_HEADER" | "ERR_WRONG_PASSPHRASE" | "ERR_NO_SLOT" | "ERR_LAST_SLOT" | "ERR_INVALID_OPTION";

export interface LuksFormatOptions extends IterationOptions, CallOptions {
    readonly passphrase: Uint8Array;
    readonly cipher?: CipherSuite["cipher"] | undefined;
    readonly mode?: CipherSuite["mode"] | undefined;
    readonly iv?: CipherSuite["iv"] | undefined;
    readonly ivHash?: HashName | undefined;
    readonly hash?: HashName | undefined;
}

export interface LuksHeader {
    readonly suite: CipherSuite;
    readonly hash: HashName;
    readonly keyBytes: number;
    readonly keyDigest: Uint8Array;
    readonly keyDigestSalt: Uint8Array;
    readonly keyDigestIterations: number;
    readonly payloadOffset: number;
    readonly uuid: string;
    readonly slots: readonly KeySlot[];
}

export interface LuksOpenOptions extends Omit<UnlockOptions, "passphrase"> {
    readonly passphrase?: Uint8Array | undefined;
    readonly write?: boolean | undefined;
}

export const MODES: readonly ["xts", "cbc", "ctr", "ecb"];

export interface NewVolume {
    readonly header: LuksHeader;
    readonly bytes: Uint8Array;
    readonly cipher: SectorCipher;
}

export interface RemovePassphraseOptions extends Omit<UnlockOptions, "passphrase"> {
    readonly passphrase?: Uint8Array | undefined;
    readonly slot?: number | undefined;
}

export class SectorCipher {
    #private;
    private constructor();
    static create(suite: CipherSuite, key: Uint8Array): Promise<SectorCipher>;
    encrypt(bytes: Uint8Array, firstSector: number): void;
    decrypt(bytes: Uint8Array, firstSector: number): void;
}

export interface UnlockOptions extends CallOptions {
    readonly passphrase: Uint8Array;
    readonly maxIterations?: number | undefined;
}

export interface UnlockedVolume {
    readonly header: LuksHeader;
    readonly slot: number;
    readonly cipher: SectorCipher;
}

export function addPassphrase(area: LuksArea, options: AddPassphraseOptions): Promise<number>;

export function formatLuks(options: LuksFormatOptions): Promise<NewVolume>;

export function isLuks(bytes: Uint8Array): boolean;

export function isLuksError(error: unknown, code?: LuksErrorCode): error is LuksError;

export function luksHeaderBytes(options: Pick<LuksFormatOptions, "cipher" | "mode" | "iv" | "ivHash">): number;

export function readLuksHeader(area: LuksArea, options?: CallOptions): Promise<LuksHeader>;

export function removePassphrase(area: LuksArea, options: RemovePassphraseOptions): Promise<readonly number[]>;

export function unlock(area: LuksArea, options: UnlockOptions): Promise<UnlockedVolume>;
