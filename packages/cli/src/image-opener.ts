import type { Backend } from "@instar/backend";
import type { Allowed } from "./allowed.js";
import { urlIdentity } from "./allowed.js";
import type { Context } from "./command.js";
import { CliError, Interrupted } from "./errors.js";
import { type Format, formatNamed, isTargetFormat } from "./format-names.js";
import type { NamedReference, OpenedFormat, OpenHow } from "./formats/driver.js";
import { DRIVERS } from "./formats/drivers.js";
import { probeFormat } from "./formats/probe.js";
import type { Image, ImageFile, Layer } from "./image.js";
import { fileFacts, type FileIdentity } from "./location.js";
import { imageReferenced } from "./names/image-name.js";
import { type ImageSpec, localPathOf, type StorageSpec } from "./names/image-spec.js";
import type { OpenImageOptions } from "./open-image.js";
import { openSpec } from "./open-spec.js";
import { placeOf } from "./place.js";
import { RawImage } from "./raw-image.js";

const WORDS = { backing: "backing file", "data-file": "data file", extent: "extent" } as const;

/** The image that has named another, and how messages begin then; the user has named what comes without. */
interface Namer {
  readonly storage: StorageSpec;
  readonly what: string;
}

/** A file that is open, and is to be taken for an image. */
interface OpenedFile {
  readonly file: Backend;
  readonly storage: StorageSpec;
  readonly identity: FileIdentity | undefined;
}

/** How an image is opened. */
interface LayerHow {
  readonly namer: Namer | undefined;
  readonly write: boolean;
  /** Files that hold its data are added to these. */
  readonly parts: ImageFile[];
}

/** Opens one chain of images. */
export class ImageOpener {
  readonly #context: Context;
  readonly #options: OpenImageOptions;
  readonly #allowed: Allowed;
  /** What is being opened, from the top downwards. */
  readonly #way: OpenedFile[] = [];
  /** What is open, from the top downwards. */
  readonly #layers: Layer[] = [];

  constructor(context: Context, options: OpenImageOptions, allowed: Allowed) {
    this.#context = context;
    this.#options = options;
    this.#allowed = allowed;
  }

  /** Opens what the user named. */
  async openTop(name: string, spec: ImageSpec): Promise<Image> {
    const { write = false } = this.#options;
    if (write && spec.readOnly) throw new CliError("read-only=on: it is to be written to");
    const { disk, qcow2, format } = await this.#openImage(spec, undefined, write);
    if (format === "raw" && spec.format === undefined && write) {
      this.#context.warn(`${name}: taken for raw, since nothing in it tells its format; -f says so without a warning`);
    }
    return { name, format, disk, qcow2, layers: this.#layers };
  }

  async #openImage(spec: ImageSpec, namer: Namer | undefined, write: boolean): Promise<Layer> {
    // The one waits for the system, the other keeps the processor busy.
    const likely = spec.format === undefined || spec.format === "qcow2" ? DRIVERS.qcow2() : undefined;
    const [opened] = await Promise.all([this.#openFile(spec, spec.storage, namer, write), likely]);
    try {
      return await this.#layerOf(opened, spec, namer, write);
    } catch (error) {
      await opened.file.close();
      throw error;
    }
  }

  async #openFile(
    spec: ImageSpec,
    storage: StorageSpec,
    namer: Namer | undefined,
    write: boolean,
  ): Promise<OpenedFile> {
    const { share = false, sparse, sequential, metadataOnly } = this.#options;
    const how = { write, share: share || spec.share === true, sparse, sequential, metadataOnly };
    if (namer) return { ...(await this.#allowed.open(namer.what, storage, namer.storage, how)), storage };
    const file = await openSpec(storage, how, this.#context);
    return { file, storage, identity: await identityOf(storage) };
  }

  async #layerOf(opened: OpenedFile, spec: ImageSpec, namer: Namer | undefined, write: boolean): Promise<Layer> {
    const { file, storage } = opened;
    this.#way.push(opened);
    this.#refuseLoop();
    const format = spec.format ?? (await probeFormat(file, { signal: this.#context.signal }));
    const parts: ImageFile[] = [];
    const { disk, qcow2, described } = await this.#openAs(format, opened, spec, { namer, write, parts });
    const layer: Layer = { ...imageFile(opened), storage, spec, format, disk, qcow2, described, parts };
    this.#layers.unshift(layer);
    return layer;
  }

  async #openAs(format: Format, opened: OpenedFile, spec: ImageSpec, how: LayerHow): Promise<OpenedFormat> {
    const { file, storage } = opened;
    const { namer, write } = how;
    if (format === "raw") return { disk: new RawImage(file, spec.format === undefined && write) };
    const open = await DRIVERS[format]();
    if (write && !isTargetFormat(format)) throw new CliError(`images of the format ${format} can only be read`);
    const { keySecret, caches } = spec;
    const depth = this.#way.length - 1;
    return open(file, {
      write,
      copyOnRead: write && this.#options.copyOnRead === true,
      depth,
      backing: await this.#backingOf(spec, namer),
      openReferenced: (reference) => this.#openReferenced(reference, storage, spec, how),
      placeOf: (reference) => placeOf(reference.name, storage),
      metadataOnly: this.#options.metadataOnly === true,
      passphrase: keySecret === undefined ? undefined : () => this.#context.access.secrets.read(keySecret),
      caches,
      signal: this.#context.signal,
    });
  }

  /** What is to stand below an image, where it is not what the image names. */
  async #backingOf(spec: ImageSpec, namer: Namer | undefined): Promise<OpenHow["backing"]> {
    if (this.#options.withoutBacking || spec.backing === null) return "ignore";
    if (this.#options.below && this.#way.length === 1) return this.#options.below;
    return spec.backing && (await this.#openImage(spec.backing, namer, false)).disk;
  }

  /** Opens what an image names. */
  async #openReferenced(
    reference: NamedReference,
    storage: StorageSpec,
    spec: ImageSpec,
    { namer, write, parts }: LayerHow,
  ): Promise<Backend> {
    if (reference.kind === "data-file" && spec.dataFile) {
      return this.#addPart(await this.#openFile({ storage }, spec.dataFile, namer, write), parts);
    }
    return firstThatOpens(reference, async (name) => {
      const by = { storage, what: `${placeOf("", storage)}: its ${WORDS[reference.kind]} '${name}'` };
      const found = await imageReferenced(name, storage).catch((error: unknown) => {
        throw new CliError(`${by.what}: ${error instanceof Error ? error.message : ""}`, { cause: error });
      });
      if (reference.kind !== "backing") {
        return this.#addPart(await this.#openFile({ storage }, found.storage, by, write), parts);
      }
      const format = reference.format === undefined ? found.format : formatNamed(reference.format);
      const [way, layers] = [this.#way.length, this.#layers.length];
      try {
        return (await this.#openImage({ ...found, format }, by, false)).disk;
      } catch (error) {
        // The next name begins from here.
        this.#way.length = way;
        this.#layers.splice(0, this.#layers.length - layers);
        throw error;
      }
    });
  }

  #addPart(opened: OpenedFile, parts: ImageFile[]): Backend {
    parts.push(imageFile(opened));
    return opened.file;
  }

  #refuseLoop(): void {
    const last = this.#way.at(-1);
    const first = this.#way.findIndex(
      ({ identity, storage }) =>
        identity !== undefined && identity === last?.identity && offsetOf(storage) === offsetOf(last.storage),
    );
    if (first < 0 || first === this.#way.length - 1) return;
    const places = this.#way.slice(first).map(({ storage }) => placeOf("", storage));
    throw new CliError(`the chain of backing files is a loop: ${places.join(" -> ")}`);
  }
}

function imageFile({ file, storage, identity }: OpenedFile): ImageFile {
  return { place: placeOf("", storage), backendName: file.name, path: localPathOf(storage), identity };
}

async function identityOf(storage: StorageSpec): Promise<FileIdentity | undefined> {
  switch (storage.kind) {
    case "file":
      return (await fileFacts(storage.path))?.identity;
    case "part":
      return identityOf(storage.whole);
    case "url":
      return urlIdentity(storage.url);
  }
}

function offsetOf(storage: StorageSpec): number {
  return storage.kind === "part" ? storage.offset + offsetOf(storage.whole) : 0;
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
