import type { Backend } from "@instar/backend";
import type { Context } from "../command.js";
import { CliError } from "../errors.js";
import type { Image } from "../image.js";
import { type IoImageOptions, openIoImage } from "./io-image.js";

/** What commands work with: at most one image that is open, and what is around it. */
export class IoSession {
  readonly #context: Context;
  readonly #background: Set<Promise<void>> = new Set();
  #open: { readonly image: Image; readonly options: IoImageOptions } | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Whether an image is open. */
  get hasImage(): boolean {
    return this.#open !== undefined;
  }

  /** The image that is open. */
  get image(): Image {
    return this.#opened.image;
  }

  /** How it is treated. */
  get options(): IoImageOptions {
    return this.#opened.options;
  }

  /** What commands read and write. */
  get disk(): Backend {
    return this.image.disk;
  }

  /** Whether commands may change the image. */
  get writable(): boolean {
    return !this.options.readOnly;
  }

  /** Aborts when the program is asked to stop. */
  get signal(): AbortSignal {
    return this.#context.signal;
  }

  get #opened(): { readonly image: Image; readonly options: IoImageOptions } {
    if (this.#open === undefined) throw new CliError("no file open");
    return this.#open;
  }

  /**
   * Opens an image.
   *
   * @throws {@link CliError} where one is open
   */
  async open(options: IoImageOptions): Promise<void> {
    if (this.#open !== undefined) throw new CliError("file open already, try 'help close'");
    this.#open = { image: await openIoImage(this.#context, options), options };
  }

  /** Changes how the image is treated. Where it cannot be opened like that, none is open. */
  async reopen(changes: Partial<Pick<IoImageOptions, "readOnly" | "cache" | "discard">>): Promise<void> {
    const { image, options } = this.#opened;
    const changed = { ...options, ...changes };
    await this.settle();
    // A layer that lasts until the image is closed must live on.
    if (options.temporary || changed.readOnly === options.readOnly) {
      this.#open = { image, options: changed };
      return;
    }
    await this.close();
    await this.open(changed);
  }

  /** Closes the image, if one is open, once everything in the background has ended. */
  async close(): Promise<void> {
    await this.settle();
    const open = this.#open;
    this.#open = undefined;
    await open?.image.disk.close();
  }

  /** Milliseconds on a clock that never goes back. */
  now(): number {
    return this.#context.host.now();
  }

  /** Sends the process a signal. */
  raise(signal: number): void {
    this.#context.host.raise(signal);
  }

  /** Writes to standard output. */
  print(text: string): Promise<void> {
    return this.#context.print(text);
  }

  /** Writes a line to standard error. */
  complain(line: string): void {
    this.#context.host.stderr.write(`${line}\n`);
  }

  /** Writes a line to standard error, with the name of the program in front. */
  warn(message: string): void {
    this.#context.warn(message);
  }

  /** Lets work go on while other commands run. It must not reject. */
  inBackground(work: Promise<void>): void {
    const known = work.finally(() => this.#background.delete(known));
    this.#background.add(known);
  }

  /** Waits for everything that goes on in the background. */
  async settle(): Promise<void> {
    await Promise.all(this.#background);
  }
}
