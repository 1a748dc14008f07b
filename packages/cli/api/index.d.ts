import { Readable } from "node:stream";
import { Writable } from "node:stream";

export interface Host {
    readonly stdout: Output;
    readonly stderr: Output;
    readonly stdin: Readable & {
        readonly isTTY?: boolean;
    };
    readonly env: Readonly<Record<string, string | undefined>>;
    onStop(listener: (signal: "SIGINT" | "SIGTERM") => void): () => void;
    raise(signal: number): void;
    date(): Date;
    now(): number;
}

export type Output = Writable & {
    readonly isTTY?: boolean;
};

export function nodeHost(): Host;

export function run(argv: readonly string[], host: Host): Promise<number>;
