import { Readable } from "node:stream";
import { Writable } from "node:stream";

export interface Host {
    readonly stdout: Output;
    readonly stderr: Output;
    readonly stdin: Readable & {
        readonly isTTY?: boolean;
    };
    readonly terminal: Writable;
    readonly self: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
    onStop(listener: (signal: "SIGINT" | "SIGTERM") => void): () => void;
    onAsked(listener: () => void): () => void;
    raise(signal: number): void;
    date(): Date;
    now(): number;
}

export interface Output {
    write(data: string | Uint8Array, done?: (error?: Error | null) => void): unknown;
    readonly isTTY?: boolean;
}

export function nodeHost(self?: readonly string[]): Host;

export function run(given: readonly string[], host: Host): Promise<number>;
