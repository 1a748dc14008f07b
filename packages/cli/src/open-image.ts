import type { Backend } from "@instar/backend";
import { Allowed } from "./allowed.js";
import type { Context } from "./command.js";
import { CliError, Interrupted, oneLine, UsageError } from "./errors.js";
import type { Format } from "./format-names.js";
import { ImageOpener } from "./image-opener.js";
import type { Image, Layer } from "./image.js";
import { imageNamed, imageReferenced } from "./names/image-name.js";
import type { ImageSpec } from "./names/image-spec.js";

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
  /** Not to open what only the content of the disk needs: files that hold it, and secrets. */
  readonly metadataOnly?: boolean | undefined;
  /** What stands below it, instead of what it names; is closed with it. */
  readonly below?: Backend | undefined;
  /** To write into it what is read from below it. */
  readonly copyOnRead?: boolean | undefined;
  /** To read or write much of it: holes of raw files are worth knowing then. */
  readonly sparse?: boolean | undefined;
  /** To read all of it in large parts, once. */
  readonly sequential?: boolean | undefined;
  /** Whether the name is a description by options, as `--image-opts` says of sources, which is the default. */
  readonly described?: boolean | undefined;
  /** The image that the name counts from, as that of its backing file does. */
  readonly relativeTo?: string | undefined;
}

/**
 * Opens an image, its backing files through the gate.
 *
 * @throws {@link CliError} that names the image.
 */
export async function openImage(context: Context, name: string, options: OpenImageOptions): Promise<Image> {
  try {
    const spec = await specOf(context, name, options);
    return await new ImageOpener(context, options, await Allowed.by(context)).openTop(name, spec);
  } catch (error) {
    throw couldNot("open", name, error);
  }
}

/** Opens a file of a chain of images once more, in the way in which it was opened there. Throws as {@link openImage}. */
export async function openLayer(context: Context, layer: Layer, options: OpenImageOptions): Promise<Image> {
  const { place, spec, format } = layer;
  try {
    const opener = new ImageOpener(context, options, await Allowed.by(context));
    return await opener.openTop(place, { ...spec, format, readOnly: undefined });
  } catch (error) {
    throw couldNot("open", place, error);
  }
}

/** The failure to do something with an image, which names it; that somebody has interrupted it is told as it is. */
export function couldNot(verb: string, name: string, error: unknown): unknown {
  if (error instanceof Interrupted) return error;
  return new CliError(`could not ${verb} '${shown(name)}': ${oneLine(error)}`, { cause: error });
}

/** What a name, or a description by options, says of an image. */
export async function specOf(context: Context, name: string, options: OpenImageOptions): Promise<ImageSpec> {
  const { format, relativeTo, described = relativeTo === undefined && context.access.imageOpts } = options;
  if (described) {
    const { imageFromOptions } = await import("./names/described-image.js");
    const spec = imageFromOptions(name);
    if (format === undefined || format === spec.format) return spec;
    throw new UsageError("--image-opts names the format itself, by driver=");
  }
  const spec = await (relativeTo === undefined
    ? imageNamed(name)
    : imageReferenced(name, (await imageNamed(relativeTo)).storage));
  return format === undefined ? spec : { ...spec, format };
}

/** The name without what may be secret in a URL. */
function shown(name: string): string {
  return name.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/gi, "$1").replace(/(:\/\/[^?#"]*)[?#][^"]*/g, "$1");
}
