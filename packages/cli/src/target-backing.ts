import type { Context } from "./command.js";
import type { CreateOptions } from "./create-options.js";
import { CliError } from "./errors.js";
import { type Format, type TargetFormat, formatNamed } from "./format-names.js";
import { filesOf, type Image } from "./image.js";
import { fileFacts, type FileIdentity, localPath } from "./location.js";
import { openImage, type OpenImageOptions } from "./open-image.js";

/**
 * Adds what `-b` and `-F` say of the image below to what `-o` says.
 *
 * @throws {@link CliError} where that is contradictory, or its format is not named: nobody is to guess it later.
 */
export function withBacking(
  name: string,
  format: TargetFormat,
  options: CreateOptions,
  backing: { readonly file: string | undefined; readonly format: string | undefined },
): CreateOptions {
  const { file = options.backingFile, format: named = options.backingFormat } = backing;
  if (file === undefined && named === undefined) return options;
  if (format !== "qcow2") throw new CliError(`${name}: format ${format} has no backing file`);
  if (file === undefined) throw new CliError(`${name}: a backing format (-F) needs a backing file (-b)`);
  if (named === undefined) throw new CliError(`${name}: a backing file needs its format (-F raw, -F qcow2, ...)`);
  return { ...options, backingFile: file, backingFormat: formatNamed(named) };
}

/** An image that another one names as the one below it. */
export interface NamedBacking {
  /** A relative name counts from the directory of the image that names it. */
  readonly name: string;
  /** Probed by content where absent. */
  readonly format?: Format | undefined;
}

/**
 * Opens an image that the image `name` is going to have below it. The user named it, so that it may lie anywhere; what
 * it names in turn goes through the gate.
 */
export async function openNewBacking(
  context: Context,
  name: string,
  backing: NamedBacking,
  how: Pick<OpenImageOptions, "sparse" | "share"> = {},
): Promise<Image> {
  return openImage(context, backing.name, { ...how, format: backing.format, relativeTo: name });
}

/**
 * Opens the image below one that is yet to be made.
 *
 * @throws {@link CliError} where it cannot be opened, or where it, or what is below it, is the very file to be made.
 */
export async function openTargetBacking(
  context: Context,
  name: string,
  options: CreateOptions,
  how: Pick<OpenImageOptions, "sparse"> = {},
): Promise<Image> {
  const backing = { name: options.backingFile ?? "", format: options.backingFormat };
  const image = await openNewBacking(context, name, backing, how);
  try {
    await refuseToReplace(name, [image]);
    return image;
  } catch (error) {
    await image.disk.close();
    throw error;
  }
}

/** Throws where the file to be made is one that `images` consist of. */
export async function refuseToReplace(name: string, images: readonly Image[]): Promise<void> {
  const path = localPath(name);
  const target = path === undefined ? undefined : await fileFacts(path);
  if (target !== undefined) refuseShared(name, [target.identity], images);
}

/** Throws where the image to be written to is, or keeps its data in, a file that `images` consist of. */
export function refuseToOverwrite({ name, layers: [top] }: Image, images: readonly Image[]): void {
  if (top)
    refuseShared(
      name,
      [top, ...top.parts].map(({ identity }) => identity),
      images,
    );
}

function refuseShared(name: string, files: readonly (FileIdentity | undefined)[], images: readonly Image[]): void {
  for (const image of images) {
    for (const { identity, place } of filesOf(image)) {
      if (identity === undefined || !files.includes(identity)) continue;
      const part = place === image.name ? "" : ` (as '${place}', part of '${image.name}')`;
      throw new CliError(`'${name}' is in use as a source${part}: it would be destroyed`);
    }
  }
}
