import type { Readable, Writable } from "node:stream";

/** What a command writes to, such as a `Writable` of `node:stream`. */
export interface Output {
  /** Takes data, and calls `done` once it has it, or why it cannot. */
  write(data: string | Uint8Array, done?: (error?: Error | null) => void): unknown;
  /** Whether it is a terminal. */
  readonly isTTY?: boolean;
}

/** Everything a command knows of the process around it, so that a test or another program can stand in for it. */
export interface Host {
  /** Results. */
  readonly stdout: Output;
  /** Errors and warnings, a line each. */
  readonly stderr: Output;
  /** Commands for `io`. Looked at only then. */
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Where lines are edited, with their prompt, if standard input is a terminal. Looked at only then. */
  readonly terminal: Writable;
  /** The command line that starts this program, for what is to start it later. */
  readonly self: readonly string[];
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `listener` when the program is asked to stop; returns what takes the listener away again. */
  onStop(listener: (signal: "SIGINT" | "SIGTERM") => void): () => void;
  /** Calls `listener` when somebody asks how far the work has come; returns what takes the listener away again. */
  onAsked(listener: () => void): () => void;
  /** Sends the process a signal, by its number. */
  raise(signal: number): void;
  /** What time it is, for what is dated. */
  date(): Date;
  /** Milliseconds on a clock that never goes back. */
  now(): number;
}

/** Writes to a stream and waits until it has taken everything. Rejects when it cannot. */
export function writeTo(stream: Output, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()));
  });
}
