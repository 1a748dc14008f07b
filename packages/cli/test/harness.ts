import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { Host } from "../src/index.js";
import { run } from "../src/index.js";

/** The executable, which runs the bundle: what users get. */
export const BIN: string = fileURLToPath(new URL("../bin/instar.cjs", import.meta.url));

/** What a command did. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What stands around a command in a test. */
export interface Surroundings {
  readonly env?: Record<string, string>;
  readonly stdin?: string | Iterable<string> | AsyncIterable<string>;
  /** What time it is; the real one where absent. */
  readonly date?: Date;
  /** Signals that the program sends itself are added to it. */
  readonly raised?: number[];
  /** Is given what asks the program to stop. */
  readonly onStart?: (stop: (signal: "SIGINT" | "SIGTERM") => void) => void;
}

/** Another executable to try with every command line that a process can be given: `INSTAR_EXECUTABLE=dist/instar`. */
const EXECUTABLE = process.env["INSTAR_EXECUTABLE"];

/** Runs a command line: in this process, unless another executable is tried. */
export async function instar(argv: readonly string[], around: Surroundings = {}): Promise<Outcome> {
  if (EXECUTABLE !== undefined && !around.date && !around.raised && !around.onStart) {
    return program(resolve(EXECUTABLE), argv, around);
  }
  const out = collector();
  const err = collector();
  const { stdin = [], raised = [] } = around;
  const host: Host = {
    stdout: out.stream,
    terminal: out.stream,
    stderr: err.stream,
    stdin: Readable.from(typeof stdin === "string" ? [stdin] : stdin),
    self: [process.execPath, BIN],
    env: around.env ?? {},
    raise: (signal) => void raised.push(signal),
    date: () => around.date ?? new Date(),
    now: () => performance.now(),
    onAsked: () => () => {},
    onStop(listener) {
      around.onStart?.(listener);
      return () => {};
    },
  };
  const code = await run(argv, host);
  return { code, out: out.text(), err: err.text() };
}

function collector(): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

/** Runs a program to its end. */
export function program(
  file: string,
  argv: readonly string[],
  { cwd, env, stdin = [] }: Pick<Surroundings, "env" | "stdin"> & { cwd?: string | undefined } = {},
): Promise<Outcome> {
  return new Promise((done, reject) => {
    const child = execFile(file, [...argv], { cwd, env, maxBuffer: 1 << 26 }, (error, out, err) => {
      if (error && typeof error.code !== "number") reject(error);
      else done({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
    // It may have ended before it has read all.
    child.stdin?.on("error", () => {});
    if (child.stdin) Readable.from(stdin).pipe(child.stdin);
  });
}

/** Runs the executable. */
export function instarProcess(argv: readonly string[], cwd?: string): Promise<Outcome> {
  return program(process.execPath, [BIN, ...argv], { cwd });
}

/** Runs a program of QEMU that must succeed. */
export async function qemu(name: "qemu-img" | "qemu-io", ...argv: readonly string[]): Promise<string> {
  for (;;) {
    const { code, out, err } = await program(name, argv);
    if (code === 0) return out;
    // Its measure of the rounds of PBKDF2 fails now and then, before anything is written.
    if (err.includes("Unable to get accurate CPU usage")) continue;
    throw new Error(`${name} ${argv.join(" ")}: exit ${code}: ${err}`);
  }
}

/** Whether qemu-img and qemu-io are here. */
export const HAS_QEMU: boolean = spawnSync("qemu-img", ["--version"]).status === 0;
/** For the titles of tests that are skipped without. */
export const NEEDS_QEMU = "(needs Debian package qemu-utils)";

/** A directory that is gone after the tests of the file; what it is called with is a path in it. */
export function scratch(): (...parts: string[]) => string {
  const directory = mkdtempSync(join(tmpdir(), "instar-cli-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return (...parts) => join(directory, ...parts);
}

/** Everything that comes out. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
