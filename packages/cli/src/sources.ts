import type { Backend } from "@instar/backend";
import type { Context } from "./command.js";
import { CliError } from "./errors.js";
import { type Image, withImage } from "./image.js";
import { openImage, type OpenImageOptions } from "./open-image.js";
import { SalvagedDisk } from "./salvaged-disk.js";
import { openSnapshot } from "./snapshot-param.js";
import { SplicedDisk } from "./spliced-disk.js";

/** What to copy from. */
export interface Source {
  /** For messages. */
  readonly name: string;
  readonly disk: Backend;
  /** The images that it consists of, which are closed by who opened them. */
  readonly images: readonly [Image, ...Image[]];
}

/** How to open what to copy from. */
export interface SourceOptions extends OpenImageOptions {
  /** Whether what cannot be read is told of, and read as zeroes. */
  readonly salvage: boolean;
  /** Which snapshot of a single image to copy, as `-l` says it; the disk where absent. */
  readonly snapshot?: string | undefined;
}

/** Opens images that are to be copied one behind the other, works with them and closes them. */
export async function withSources<T>(
  context: Context,
  names: readonly string[],
  options: SourceOptions,
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const openRest = async (opened: readonly Opened[]): Promise<T> => {
    const name = names[opened.length];
    if (name === undefined) return work(joined(context, opened, options.salvage));
    const image = await openImage(context, name, options);
    return withImage(image, () =>
      withDiskOf(image, options.snapshot, (disk) => openRest([...opened, { image, disk }])),
    );
  };
  return openRest([]);
}

interface Opened {
  readonly image: Image;
  /** What it shows, or what a snapshot of it does. */
  readonly disk: Backend;
}

/** Works with what an image shows, or with one of its snapshots. */
export async function withDiskOf<T>(
  image: Image,
  snapshot: string | undefined,
  work: (disk: Backend) => Promise<T>,
): Promise<T> {
  if (snapshot === undefined) return work(image.disk);
  const disk = await openSnapshot(image, snapshot);
  try {
    return await work(disk);
  } finally {
    await disk.close();
  }
}

function joined(context: Context, opened: readonly Opened[], salvage: boolean): Source {
  const images = opened.map(({ image }) => image);
  const [first, ...rest] = images;
  if (first === undefined) throw new CliError("nothing to copy from");
  const name = images.map((image) => `'${image.name}'`).join(", ");
  const parts = opened.map(({ disk }) => ({
    disk: salvage ? new SalvagedDisk(disk, (message) => context.warn(message)) : disk,
    offset: 0,
    length: disk.size,
  }));
  const whole = rest.length === 0 ? parts[0]?.disk : new SplicedDisk(name, parts);
  return { name, disk: whole ?? first.disk, images: [first, ...rest] };
}
