import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Waits for the word on standard input, opens the file for writing, says how that went, and stays. */
const WRITER = `
  import { FsBackend } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
  process.stdin.once("data", async () => {
    const path = process.argv[1];
    await FsBackend.open(path, { write: true }).then(() => console.log("open"), (error) => console.log(error.code));
  });
  console.log("ready");
`;

/** Another process that opens a file for writing (with the built package). */
export class Writer {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(process_: ChildProcess, lines: AsyncIterator<string>) {
    this.process = process_;
    this.#lines = lines;
  }

  /** Starts it; it opens nothing before `open`. */
  static async start(path: string): Promise<Writer> {
    const args = ["--input-type=module", "-e", WRITER, path];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const writer = new Writer(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    await writer.#line();
    return writer;
  }

  /** Lets it open the file: `open`, or the code of the error. */
  async open(): Promise<string> {
    this.process.stdin?.write("go\n");
    return this.#line();
  }

  /** Ends it with SIGKILL, as a crash would. */
  async kill(): Promise<void> {
    const ended = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await ended;
  }

  async #line(): Promise<string> {
    const { value } = await this.#lines.next();
    return String(value);
  }
}
