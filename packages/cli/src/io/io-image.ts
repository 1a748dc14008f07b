import { MemoryBackend } from "@instar/backend";
import { Qcow2Image } from "@instar/qcow2";
import { oneOf } from "../args.js";
import { type CacheMode, cacheMode } from "../cache-mode.js";
import type { Context } from "../command.js";
import { CliError } from "../errors.js";
import type { Format } from "../format-names.js";
import type { Image } from "../image.js";
import { openImage } from "../open-image.js";

/** Which image to open for commands, and how to treat it. */
export interface IoImageOptions {
  readonly name: string;
  /** All that is said of it where that is more than its name, by the names that QEMU has. */
  readonly described?: ReadonlyMap<string, string> | undefined;
  /** Probed by content where absent. */
  readonly format: Format | undefined;
  readonly readOnly: boolean;
  /** Whether what is written is lost when the image is closed. */
  readonly temporary: boolean;
  /** Not to take or respect the lock against a second writer. */
  readonly share: boolean;
  /** Whether what is read from below the image is written into it. */
  readonly copyOnRead: boolean;
  /** Whether discards are carried out, or ignored. */
  readonly discard: boolean;
  readonly cache: CacheMode;
}

/** The options of `io`, and of its command `open`, that are about an image. */
export const IO_IMAGE_OPTIONS = {
  "read-only": { short: "r", help: "open it for reading only" },
  snapshot: { short: "s", help: "leave the image as it is: writes last until it is closed" },
  nocache: { short: "n", help: "short for -t none" },
  cache: { short: "t", value: "MODE", help: "none, writeback (default), writethrough, directsync or unsafe" },
  discard: { short: "d", value: "MODE", help: "unmap (default) or ignore" },
  "force-share": { short: "U", help: "with -r: also while another program writes to the image" },
  aio: { short: "i", value: "MODE", help: "accepted for scripts" },
  "native-aio": { short: "k", help: "accepted for scripts" },
  "copy-on-read": { short: "C", help: "keep in the image what is read from below it" },
} as const;

const AIO = ["threads", "native", "io_uring"] as const;

/** What is asked of the options in {@link IO_IMAGE_OPTIONS}. */
interface GivenOptions {
  has(name: keyof typeof IO_IMAGE_OPTIONS): boolean;
  value(name: "cache" | "discard" | "aio"): string | undefined;
}

/** Understands {@link IO_IMAGE_OPTIONS}. */
export function ioImageOptions(args: GivenOptions): Omit<IoImageOptions, "name" | "format"> {
  const discard = oneOf("-d", args.value("discard") ?? "unmap", ["unmap", "on", "ignore", "off"]);
  if (args.value("aio") !== undefined) oneOf("-i", args.value("aio"), AIO);
  return {
    readOnly: args.has("read-only"),
    temporary: args.has("snapshot"),
    share: args.has("force-share"),
    copyOnRead: args.has("copy-on-read"),
    discard: discard === "unmap" || discard === "on",
    cache: cacheMode("-t", args.value("cache") ?? (args.has("nocache") ? "none" : undefined)),
  };
}

/** Opens an image for commands. */
export async function openIoImage(context: Context, options: IoImageOptions): Promise<Image> {
  const { name, described, format, readOnly, temporary, share, copyOnRead } = options;
  if (copyOnRead && readOnly) throw new CliError("Can't use copy-on-read on read-only device");
  if (share && !readOnly) throw new CliError("-U needs -r: a writer must lock");
  const isTemporary = temporary && !readOnly;
  const write = !readOnly && !temporary;
  const how = { format, write, share, sparse: true, copyOnRead: copyOnRead && write };
  const image = await (described
    ? openImage(context, descriptionOf(described), { ...how, described: true })
    : openImage(context, name, how));
  return isTemporary ? underTemporaryLayer(image, copyOnRead) : image;
}

/** A description as one text, as `--image-opts` takes it. */
function descriptionOf(described: ReadonlyMap<string, string>): string {
  return [...described].map(([name, value]) => `${name}=${value.replaceAll(",", ",,")}`).join(",");
}

/** The image with a layer in memory that takes the writes; closing it closes both. */
async function underTemporaryLayer(image: Image, copyOnRead: boolean): Promise<Image> {
  const { disk, format, name } = image;
  try {
    const how = { size: disk.size, backing: { name: "below", format }, backingBackend: disk, copyOnRead };
    const layer = await Qcow2Image.create(new MemoryBackend({ name: `temporary layer of ${name}` }), how);
    return { ...image, disk: layer, qcow2: layer };
  } catch (error) {
    await disk.close();
    throw error;
  }
}
