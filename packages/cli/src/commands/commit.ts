import type { Backend } from "@instar/backend";
import { OPEN_OPTIONS } from "../access.js";
import type { Arguments } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { commitDown } from "../committing.js";
import { EndlessDisk } from "../endless-disk.js";
import { CliError, UsageError } from "../errors.js";
import { type Format, formatOption } from "../format-names.js";
import { type Image, type Layer, withImage } from "../image.js";
import { fileFacts } from "../location.js";
import { imageNamed } from "../names/image-name.js";
import { localPathOf } from "../names/image-spec.js";
import { openImage, openLayer } from "../open-image.js";
import { Progress } from "../progress.js";
import { rateLimit } from "../rate-limit.js";
import { parseSize } from "../sizes.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  base: { short: "b", value: "FILE", help: "the image of the chain to write to (default: the one right below)" },
  drop: { short: "d", help: "leave the image as it is, rather than empty" },
  "rate-limit": { short: "r", value: "RATE", help: "write at most RATE bytes in a second" },
  progress: { short: "p", help: "show how far it has come" },
  quiet: { short: "q", help: "print nothing but errors" },
  cache: { short: "t", value: "MODE", help: "accepted for scripts; what is written is durable at the end" },
  ...OPEN_OPTIONS,
} as const;

/** `instar commit` */
export const commitCommand: Command = defineCommand(
  {
    name: "commit",
    summary: "write what an image holds into the one below it",
    usage: "[-f FMT] [-b FILE] [-d] [-r RATE] [-p] [-q] FILE",
    options: OPTIONS,
    notes: [
      "The image below becomes as large as the image, and the image empty, once all of it is durable. With -b the images\n" +
        "between make no sense any more, and the image stays as it is. Stopped at any moment, the image shows what it did.",
    ],
    examples: [
      ["commit overlay.qcow2", "into the image below, and go on with an empty overlay"],
      ["commit -d -p overlay.qcow2", "the same, to delete the overlay afterwards"],
      ["commit -b base.qcow2 top.qcow2", "what all images over base.qcow2 hold"],
    ],
  },
  commit,
);

async function commit(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) throw new UsageError("expecting one image file name");
  cacheMode("-t", args.value("cache"));
  const rate = parseSize(args.value("rate-limit") ?? "0", "rate limit");
  const format = formatOption(args.value("format"));
  const chain = await openImage(context, file, { format });
  const { upper, base } = await withImage(chain, () => parted(chain, args.value("base")));
  const target = await openLayer(context, base, { write: true, sparse: true });
  await withImage(target, async () => {
    const top = await openUpper(context, file, format, upper);
    await withImage(top, () => writeDown(top, upper.length, target, rate, args, context));
  });
  if (!args.has("quiet")) await context.print("Image committed.\n");
  return 0;
}

/** The images over the base, from the top downwards, and the base. */
async function parted(image: Image, name: string | undefined): Promise<{ upper: Layer[]; base: Layer }> {
  const { layers } = image;
  if (layers.length < 2) throw new CliError("Image does not have a backing file");
  const depth = name === undefined ? 1 : await depthOf(name, image);
  const base = layers[depth];
  if (base === undefined) throw new CliError("Image does not have a backing file");
  const chain = layers.slice(0, depth + 1);
  for (const { path, place } of chain) {
    if (path === undefined) throw new CliError(`'${place}': only local files can be written`);
  }
  return { upper: chain.slice(0, depth), base };
}

/** Which image of the chain has that name, as the user or as the image over it gives it. */
async function depthOf(name: string, { layers, name: top }: Image): Promise<number> {
  const path = localPathOf((await imageNamed(name)).storage);
  const identity = path === undefined ? undefined : (await fileFacts(path))?.identity;
  const depth = layers.findIndex(
    (layer, index) =>
      index > 0 &&
      ((identity !== undefined && layer.identity === identity) ||
        layers[index - 1]?.qcow2?.info().backingFile === name),
  );
  if (depth > 0) return depth;
  throw new CliError(`Did not find '${name}' in the backing chain of '${top}'`);
}

/** Opens the images over the base, the topmost one to be written to, without what is below them. */
async function openUpper(
  context: Context,
  file: string,
  format: Format | undefined,
  upper: readonly Layer[],
): Promise<Image> {
  let below: Backend = new EndlessDisk(undefined);
  for (const layer of upper.slice(1).toReversed()) below = (await openLayer(context, layer, { below })).disk;
  return openImage(context, file, { format, write: true, below });
}

async function writeDown(
  top: Image,
  depth: number,
  { disk: base }: Image,
  rate: number,
  args: Arguments<keyof typeof OPTIONS>,
  context: Context,
): Promise<void> {
  const progress = new Progress(context, args.has("progress") && !args.has("quiet"), top.disk.size);
  const limit = rateLimit(rate, context);
  await commitDown({
    top,
    depth,
    base,
    empties: !args.has("drop") && !args.has("base"),
    signal: context.signal,
    pace: limit && ((bytes) => limit.pass(bytes)),
    progress: (bytes) => progress.add(bytes),
  });
  await progress.finish();
}
