import type { Backend } from "@instar/backend";
import type { Context } from "./command.js";
import { CliError, Interrupted, oneLine } from "./errors.js";
import { type Format, formatNamed } from "./format-names.js";
import type { NamedReference, OpenedFormat, OpenHow } from "./formats/driver.js";
import { DRIVERS } from "./formats/drivers.js";
import { probeFormat } from "./formats/probe.js";
import { allowedDirectories, openReference, referencePath } from "./gate.js";
import type { Image, ImageFile, Layer } from "./image.js";
import { fileFacts, localPath } from "./location.js";
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
  /** What stands below it, instead of what it names; is closed with it. */
  readonly below?: Backend | undefined;
  /** To read or write much of it: holes of raw files are worth knowing then. */
  readonly sparse?: boolean | undefined;
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

/** A file that is open, and is to be taken for an image. */
interface OpenedFile extends Omit<ImageFile, "backendName"> {
  readonly file: Backend;
}

/** Opens one chain. */
class ImageOpener {
  readonly #context: Context;
  readonly #options: OpenImageOptions;
  readonly #allowed: readonly string[];
  /** What is being opened, from the top downwards. */
  readonly #way: OpenedFile[] = [];
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
    const likely = format === undefined || format === "qcow2" ? DRIVERS.qcow2() : undefined;
    const [file] = await Promise.all([openStorage(path ?? name, this.#how(write)), likely]);
    const identity = path === undefined ? undefined : (await fileFacts(path))?.identity;
    const opened = { file, place: path ?? file.name, path, identity };
    const { disk, qcow2, format: found } = await this.#openLayer(opened, format, write);
    if (found === "raw" && format === undefined && write) {
      this.#context.warn(`${name}: taken for raw, since nothing in it tells its format; -f says so without a warning`);
    }
    return { name, format: found, disk, qcow2, layers: this.#layers };
  }

  /** Makes an image of a file, which it closes where that fails. */
  async #openLayer(opened: OpenedFile, named: Format | undefined, write: boolean): Promise<Layer> {
    const { file, ...place } = opened;
    try {
      this.#way.push(opened);
      this.#refuseLoop();
      const format = named ?? (await probeFormat(file, { signal: this.#context.signal }));
      const parts: ImageFile[] = [];
      const { disk, qcow2, described } = await this.#openAs(format, opened, named === undefined, write, parts);
      const layer: Layer = { ...place, backendName: file.name, format, disk, qcow2, described, parts };
      this.#layers.unshift(layer);
      return layer;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #openAs(
    format: Format,
    { file, place }: OpenedFile,
    guessed: boolean,
    write: boolean,
    parts: ImageFile[],
  ): Promise<OpenedFormat> {
    if (format === "raw") return { disk: new RawImage(file, guessed && write) };
    const open = await DRIVERS[format]();
    if (write && format !== "qcow2") throw new CliError(`images of the format ${format} can only be read`);
    const depth = this.#way.length - 1;
    return open(file, {
      write,
      depth,
      backing: this.#options.withoutBacking ? "ignore" : depth === 0 ? this.#options.below : undefined,
      openReferenced: this.#gateOf(this.#way.at(-1)?.path, parts),
      placeOf: (reference) => placeOf(reference, place),
      signal: this.#context.signal,
    });
  }

  /** Opens what the image at a path names; files that hold its data are added to `parts`. */
  #gateOf(imagePath: string | undefined, parts: ImageFile[]): OpenHow["openReferenced"] {
    return async (reference) => {
      if (imagePath === undefined) throw new CliError("only images in local files may name others");
      const open = (path: string): Promise<Backend> => openStorage(path, this.#how(false));
      const opened = await firstThatOpens(reference, (name) =>
        openReference({ ...reference, name }, imagePath, this.#allowed, open),
      );
      if (reference.kind !== "backing") {
        const { file, path, identity } = opened;
        parts.push({ place: path, backendName: file.name, path, identity });
        return file;
      }
      const format = reference.format === undefined ? undefined : formatNamed(reference.format);
      return (await this.#openLayer({ ...opened, place: opened.path }, format, false)).disk;
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
    const places = this.#way.slice(first).map(({ place }) => place);
    throw new CliError(`the chain of backing files is a loop: ${places.join(" -> ")}`);
  }
}

/** Tries the names that an image gives to one file; what is wrong with the first one is told where none will do. */
async function firstThatOpens<T>(
  { name, names = [name] }: NamedReference,
  open: (name: string) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const candidate of names) {
    try {
      return await open(candidate);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

function placeOf(reference: NamedReference, place: string): string {
  try {
    return referencePath(reference, place);
  } catch {
    // A name that cannot be followed stands for itself.
    return reference.name;
  }
}
