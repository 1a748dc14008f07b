import { Backend } from "@instar/backend";
import { MemoryBackend } from "@instar/backend";
import { TestRunner } from "@instar/backend/conformance";

export interface DamageLimits {
    readonly bytes?: number | undefined;
    readonly longest?: number | undefined;
}

export interface ImageFactory {
    readonly format: string;
    readonly samples: readonly ImageSample[];
    open(file: Backend, openOther: (name: string) => Promise<Backend>): Promise<Backend>;
    probe?(file: Backend): Promise<boolean>;
    readonly limits?: DamageLimits | undefined;
}

export interface ImageKitOptions {
    readonly seed?: number | undefined;
    readonly rounds?: number | undefined;
}

export interface ImageSample {
    readonly name: string;
    readonly file: Uint8Array;
    readonly others?: ReadonlyMap<string, Uint8Array> | undefined;
    readonly disk: Uint8Array;
    readonly metadata?: readonly {
        readonly begin: number;
        readonly end: number;
    }[] | undefined;
}

export function contents(disk: Backend, piece?: number): Promise<Uint8Array>;

export function describeImage(runner: TestRunner, factory: ImageFactory, options?: ImageKitOptions): void;

export function firstDifference(one: Uint8Array, other: Uint8Array): number;

export function firstLie(disk: Backend, expected: Uint8Array): Promise<number>;

export function memoryOf(bytes: Uint8Array, name?: string): Promise<MemoryBackend>;

export function patternDisk(size: number, run?: number): Uint8Array;

export function randomFrom(seed: number): () => number;

export function surviveDamage(bytes: Uint8Array, what: string, open: (file: Backend) => Promise<Backend>, limits?: DamageLimits): Promise<void>;
