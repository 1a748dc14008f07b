import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { S3OpenOptions } from "../src/index.js";

/** Opens an object, changes a byte of it, says so, and publishes when it hears a word. */
const program = `
  import { S3Backend } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
  const { offset, value, ...options } = JSON.parse(process.argv[1]);
  const disk = await S3Backend.open({ ...options, write: true, backoff: 0, now: Date.now });
  await disk.write(Uint8Array.of(value), offset);
  process.stdin.once("data", async () => {
    await disk.sync().then(() => console.log("published"), (error) => console.log(error.code));
  });
  console.log("ready");
`;

/** Another process that writes to an object (with the built package). */
export class WriterProcess {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#process = child;
    this.#lines = lines;
  }

  /** Starts it, and waits until it has changed the byte at `offset` to `value`. */
  static async start(how: S3OpenOptions & { readonly offset: number; readonly value: number }): Promise<WriterProcess> {
    const args = ["--input-type=module", "-e", program, JSON.stringify(how)];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const writer = new WriterProcess(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    await writer.#line();
    return writer;
  }

  /** Lets it publish: `published`, the code of the error, or `undefined` when it was killed. */
  publish(): Promise<string | undefined> {
    this.#process.stdin?.write("go\n");
    return this.#line();
  }

  /** Ends it with SIGKILL. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  async #line(): Promise<string | undefined> {
    const { done, value } = await this.#lines.next();
    return done === true ? undefined : value;
  }
}
