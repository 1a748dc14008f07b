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
    onAsked(listener: () => void): () => void;
    raise(signal: number): void;
    date(): Date;
    now(): number;
}

export type Output = Writable & {
    readonly isTTY?: boolean;
};

declare type Program = "instar" | "qemu-img" | "qemu-io";

export function nodeHost(): Host;

export function run(given: readonly string[], host: Host, program?: Program): Promise<number>;
