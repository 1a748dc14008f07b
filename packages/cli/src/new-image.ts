import { truncate, unlink } from "node:fs/promises";
import { type Backend, MemoryBackend } from "@instar/backend";
import { type NewEncryption, Qcow2Image } from "@instar/qcow2";
import type { Context } from "./command.js";
import type { CreateOptions } from "./create-options.js";
import { DeferredSync } from "./deferred-sync.js";
import { newEncryption } from "./encrypt-options.js";
import { CliError, oneLine } from "./errors.js";
import type { TargetFormat } from "./format-names.js";
import { fileFacts, localPath } from "./location.js";
import { makeDataFile, type NewDataFile } from "./new-data-file.js";
import { refuseMetadata, setAside } from "./preallocation.js";
import { RawImage, SECTOR } from "./raw-image.js";
import { roundUp } from "./sizes.js";
import { createUrl } from "./open-spec.js";
import { inOurWords } from "./option-names.js";
import { openStorage } from "./storage.js";

/** What to make. */
export interface NewImage {
  readonly name: string;
  readonly format: TargetFormat;
  /** Bytes the guest sees; rounded up to whole sectors, as QEMU does. */
  readonly size: number;
  readonly options: CreateOptions;
  /** What stands below the image while it is worked with. Is closed in any case. */
  readonly base?: Backend | undefined;
  /** Not to sync it. */
  readonly unsafe?: boolean | undefined;
}

/**
 * Makes an image, works with it, closes it and syncs it. Where any of this fails, a file that was made is removed, and
 * one that was there before is left empty: half an image must not pass for one.
 *
 * @param work begins when its file is open; it waits for the image, and fails where that cannot be made
 */
export async function withNewImage(
  context: Context,
  what: NewImage,
  work: (image: Promise<FormattedFile>) => Promise<void>,
): Promise<void> {
  const begun = begin(context, what, work);
  const { disk, giveUp, abandon, worked } = await begun.catch(async (error: unknown) => {
    await what.base?.close();
    throw error;
  });
  try {
    if (worked.status === "rejected") throw worked.reason;
    await disk.close();
  } catch (error) {
    // The first failure is the one to tell of.
    await giveUp();
    await disk.close().catch(() => {});
    await abandon();
    throw error;
  }
}

interface MadeImage extends FormattedFile {
  /** Before it is closed: it will not come to anything. */
  readonly giveUp: () => Promise<void>;
  /** Leaves nothing of it, once it is closed. */
  readonly abandon: () => Promise<void>;
}

/** Makes the image, and has the work done meanwhile, whatever comes of it. */
async function begin(
  context: Context,
  what: NewImage,
  work: (image: Promise<FormattedFile>) => Promise<void>,
): Promise<MadeImage & { readonly worked: PromiseSettledResult<void> }> {
  const { dataFile: name, dataFileRaw = false, preallocation = "off" } = what.options;
  if (dataFileRaw && name === undefined) throw new CliError("data_file_raw=on needs data_file");
  if (what.format === "raw") refuseMetadata(preallocation);
  // Opening takes many small steps, each of which would have to wait for what else is under way.
  const making = makeImage(context, what, await openTarget(what, context));
  const [made, worked] = await Promise.allSettled([making, work(making)]);
  if (made.status === "rejected") throw made.reason;
  return { ...made.value, worked };
}

async function makeImage(
  context: Context,
  what: NewImage,
  { file, giveUp, abandon, untouched }: Target,
): Promise<MadeImage> {
  // Nobody needs half an image in the right order: one sync at the end makes all of it durable.
  const deferred = new DeferredSync(file, what.unsafe !== true);
  let data: NewDataFile | undefined;
  try {
    const { dataFile, encrypt } = what.options;
    const encryption = encrypt && (await newEncryption(encrypt, what.format === "luks" ? "" : "encrypt.", context));
    data = dataFile === undefined ? undefined : await makeDataFile(context, dataFile, what.name, needsSparse(what));
    const formatted = await format(deferred, what, { dataFile: data?.backend, encryption, signal: context.signal });
    const abandonAll = async (): Promise<void> => {
      await abandon();
      await data?.abandon();
    };
    return { ...formatted, giveUp, abandon: abandonAll };
  } catch (error) {
    await giveUp();
    await deferred.close().catch(() => {});
    await data?.backend.close().catch(() => {});
    await data?.abandon();
    // The options are looked at before anything is written.
    await untouched();
    throw error;
  }
}

/** Storage for a new image. */
interface Target {
  readonly file: Backend;
  /** Before it is closed: it will not come to anything. */
  readonly giveUp: () => Promise<void>;
  /** After it is closed: leaves nothing of it. */
  readonly abandon: () => Promise<void>;
  /** The same where nothing has been written. */
  readonly untouched: () => Promise<void>;
}

const nothing = async (): Promise<void> => {};

/** Whether space is set aside in a way for which files need system calls of their own. */
function needsSparse({ options }: NewImage): boolean {
  return options.preallocation === "falloc";
}

async function openTarget(what: NewImage, context: Context): Promise<Target> {
  const { name } = what;
  const path = localPath(name);
  if (path === undefined) {
    const { backend, abandon = nothing } = await createUrl(name, context);
    return { file: backend, giveUp: abandon, abandon: nothing, untouched: nothing };
  }
  const existed = (await fileFacts(path)) !== undefined;
  const create = existed ? "never" : "new";
  const file = await openStorage(path, { write: true, create, sparse: needsSparse(what), signal: context.signal });
  const abandon = (): Promise<void> => leaveNothing(path, existed, context);
  return { file, giveUp: nothing, abandon, untouched: existed ? nothing : abandon };
}

/** Does not throw: there is a failure already that is to be told. */
async function leaveNothing(path: string, existed: boolean, context: Context): Promise<void> {
  try {
    if (!existed) return await unlink(path);
    await truncate(path);
    context.warn(`${path}: was being replaced, and is left empty`);
  } catch (error) {
    context.warn(`${path}: is incomplete, and could not be removed: ${oneLine(error)}`);
  }
}

/** A file that has been made an image. */
export interface FormattedFile {
  readonly disk: Backend;
  /** The same, where it is a qcow2 image. */
  readonly qcow2: Qcow2Image | undefined;
}

/** What an image is made with. */
interface FormatWith {
  readonly dataFile: Backend | undefined;
  readonly encryption: NewEncryption | undefined;
  readonly signal: AbortSignal;
}

async function format(
  file: Backend,
  { format: kind, size, options, base, name }: NewImage,
  { dataFile, encryption, signal }: FormatWith,
): Promise<FormattedFile> {
  const { compat = "1.1", clusterSize, refcountBits, compressionType, extendedL2, lazyRefcounts } = options;
  const { preallocation, backingFile, backingFormat = "raw" } = options;
  const sectors = roundUp(size, SECTOR);
  if (kind === "raw") {
    const mode = preallocation ?? "off";
    await file.truncate(0);
    await file.truncate(sectors);
    if (mode !== "off") await setAside(file, { offset: 0, length: sectors }, mode, signal);
    return { disk: new RawImage(file, false), qcow2: undefined };
  }
  if (kind === "luks") {
    if (!encryption) throw new CliError("key-secret=ID is needed");
    const { LuksDisk } = await import("@instar/luks");
    return { disk: await LuksDisk.create(file, { ...encryption, size: sectors, signal }), qcow2: undefined };
  }
  try {
    const qcow2 = await Qcow2Image.create(file, {
      size: sectors,
      version: compat === "0.10" || compat === "v2" ? 2 : 3,
      ...(clusterSize !== undefined && { clusterSize }),
      ...(refcountBits !== undefined && { refcountBits }),
      ...(compressionType !== undefined && { compressionType }),
      ...(extendedL2 !== undefined && { extendedL2 }),
      ...(lazyRefcounts !== undefined && { lazyRefcounts }),
      ...(preallocation !== undefined && { preallocation }),
      ...(dataFile && { dataFile: { name: options.dataFile ?? "", raw: options.dataFileRaw, backend: dataFile } }),
      encryption,
      ...(backingFile !== undefined && {
        backing: { name: backingFile, format: backingFormat },
        // Where nobody is to read what is below, nothing is.
        backingBackend: base ?? new MemoryBackend(),
      }),
    });
    return { disk: qcow2, qcow2 };
  } catch (error) {
    throw inOurWords(name, error);
  }
}
