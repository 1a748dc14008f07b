import type { Backend } from "@instar/backend";
import type { Qcow2Image, ReferenceGate } from "@instar/qcow2";
import type { Context } from "./command.js";
import { CliError, Interrupted, oneLine } from "./errors.js";
import { type Format, formatNamed } from "./format-names.js";
import { allowedDirectories, openReference } from "./gate.js";
import { type FileIdentity, fileFacts, localPath } from "./location.js";
import { RawImage } from "./raw-image.js";
import { openStorage, type StorageOptions } from "./storage.js";

/** How to open an image. */
export interface OpenImageOptions {
  /** Its format; probed by content where absent. */
  readonly format?: Format | undefined;
  /** To be written to. */
  readonly write?: boolean | undefined;
  /** Not to take or respect the lock against a second writer. */
  readonly share?: boolean | undefined;
  /** Not to open the backing file. Reading what is there fails then. */
  readonly withoutBacking?: boolean | undefined;
  /** To read or write much of it: holes of raw files are worth knowing then. */
  readonly sparse?: boolean | undefined;
}

/** A file of a chain of images. */
export interface Layer {
  /** Its path; absent where it is no local file. */
  readonly path: string | undefined;
  /** Which file it is; absent where it is no local file. */
  readonly identity: FileIdentity | undefined;
  readonly format: Format;
  /** What the guest would see if this were the top. */
  readonly disk: Backend;
  /** The same, where it is a qcow2 image. */
  readonly qcow2: Qcow2Image | undefined;
}

/** An image that is open. */
export interface Image {
  /** What the user called it. */
  readonly name: string;
  readonly format: Format;
  /** What the guest sees. Closing it closes everything. */
  readonly disk: Backend;
  /** The same, where it is a qcow2 image. */
  readonly qcow2: Qcow2Image | undefined;
  /** The files that it consists of: itself, its backing file, and so on. */
  readonly layers: readonly Layer[];
}

/**
 * Opens an image, its backing files through the gate.
 *
 * @throws {@link CliError} that names the image.
 */
export async function openImage(context: Context, name: string, options: OpenImageOptions): Promise<Image> {
  try {
    const allowed = await allowedDirectories(context.access.allowPaths, context.host.env["INSTAR_ALLOW_PATH"]);
    return await new ImageOpener(context, options, allowed).openTop(name);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    throw new CliError(`could not open '${name}': ${oneLine(error)}`, { cause: error });
  }
}

/** Opens one chain. */
class ImageOpener {
  readonly #context: Context;
  readonly #options: OpenImageOptions;
  readonly #allowed: readonly string[];
  /** What is being opened, from the top downwards. */
  readonly #way: Pick<Layer, "path" | "identity">[] = [];
  /** What is open, from the top downwards. */
  readonly #layers: Layer[] = [];

  constructor(context: Context, options: OpenImageOptions, allowed: readonly string[]) {
    this.#context = context;
    this.#options = options;
    this.#allowed = allowed;
  }

  async openTop(name: string): Promise<Image> {
    const path = localPath(name);
    const { write = false, format } = this.#options;
    // The one waits for the system, the other keeps the processor busy.
    const [file] = await Promise.all([openStorage(path ?? name, this.#how(write)), import("@instar/qcow2")]);
    const identity = path === undefined ? undefined : (await fileFacts(path))?.identity;
    const { disk, qcow2, format: found } = await this.#openLayer(file, { path, identity }, format, write);
    if (found === "raw" && format === undefined && write) {
      this.#context.warn(`${name}: taken for raw, since nothing in it tells its format; -f says so without a warning`);
    }
    return { name, format: found, disk, qcow2, layers: this.#layers };
  }

  /** Makes an image of a file, which it closes where that fails. */
  async #openLayer(
    file: Backend,
    { path, identity }: Pick<Layer, "path" | "identity">,
    named: Format | undefined,
    write: boolean,
  ): Promise<Layer> {
    try {
      this.#way.push({ path, identity });
      this.#refuseLoop();
      const { probeQcow2, Qcow2Image } = await import("@instar/qcow2");
      const format = named ?? ((await probeQcow2(file)) ? "qcow2" : "raw");
      const qcow2 =
        format === "raw"
          ? undefined
          : await Qcow2Image.open(file, {
              write,
              depth: this.#way.length - 1,
              signal: this.#context.signal,
              ...(this.#options.withoutBacking ? { backing: "ignore" } : { openReferenced: this.#backingOf(path) }),
            });
      const disk = qcow2 ?? new RawImage(file, named === undefined && write);
      const layer: Layer = { path, identity, format, disk, qcow2 };
      this.#layers.unshift(layer);
      return layer;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  #backingOf(imagePath: string | undefined): ReferenceGate {
    return async (reference) => {
      if (imagePath === undefined) throw new CliError("only images in local files may name others");
      const format = reference.format === undefined ? undefined : formatNamed(reference.format);
      const open = (path: string): Promise<Backend> => openStorage(path, this.#how(false));
      const opened = await openReference(reference, imagePath, this.#allowed, open);
      return (await this.#openLayer(opened.file, opened, format, false)).disk;
    };
  }

  #how(write: boolean): StorageOptions {
    const { share, sparse } = this.#options;
    return { write, lock: share !== true, sparse, signal: this.#context.signal };
  }

  #refuseLoop(): void {
    const last = this.#way.at(-1)?.identity;
    const first = this.#way.findIndex(({ identity }) => identity !== undefined && identity === last);
    if (first < 0 || first === this.#way.length - 1) return;
    const paths = this.#way.slice(first).map(({ path }) => path);
    throw new CliError(`the chain of backing files is a loop: ${paths.join(" -> ")}`);
  }
}

/** Runs `work` with an image and closes the image, which writes out what is left; a failure of that counts. */
export async function withImage<T>(image: Image, work: (image: Image) => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work(image);
  } catch (error) {
    // The first failure is the one to tell of.
    await image.disk.close().catch(() => {});
    throw error;
  }
  await image.disk.close();
  return result;
}
