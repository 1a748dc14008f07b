import type { Backend } from "@instar/backend";
import { OPEN_OPTIONS } from "../access.js";
import { type Arguments, integerIn } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { copyDisk } from "../copy.js";
import { type CreateOptions, createOptionsHelp, parseCreateOptions } from "../create-options.js";
import { CliError, UsageError } from "../errors.js";
import { type TargetFormat, targetFormatNamed, formatOption } from "../format-names.js";
import { type Image, withImage } from "../image.js";
import { withNewImage } from "../new-image.js";
import { openImage } from "../open-image.js";
import { Progress } from "../progress.js";
import { SECTOR } from "../raw-image.js";
import { parseSize, roundUp } from "../sizes.js";
import { openTargetBacking, refuseToReplace, withBacking } from "../target-backing.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the source (default: told by its content)" },
  "output-format": { short: "O", value: "FMT", help: "format of the target: raw (the default) or qcow2" },
  options: { short: "o", value: "NAME=VALUE,...", help: "options of the target (repeatable); -o help lists them" },
  "backing-file": { short: "B", value: "FILE", help: "image below the target: only what differs from it is written" },
  "backing-format": { short: "F", value: "FMT", help: "format of the image below the target" },
  "no-create": { short: "n", help: "write into an image that exists" },
  "target-is-zero": { help: "with -n: the target is known to read as zeroes" },
  sparse: { short: "S", value: "SIZE", help: "leave out zeroes in units of SIZE (default: 4k; 0: write everything)" },
  parallel: { short: "m", value: "N", help: "how many requests may be under way, 1 to 16 (default: 8)" },
  unordered: { short: "W", help: "write out of order, which may be faster and scatters the data" },
  cache: { short: "t", value: "MODE", help: "unsafe: do not wait for storage at the end" },
  "source-cache": { short: "T", value: "MODE", help: "accepted for scripts; reading goes through the system's cache" },
  progress: { short: "p", help: "show how far it has come" },
  quiet: { short: "q", help: "print nothing but errors" },
  "force-share": { short: "U", help: "also while another program writes to the source" },
  compress: { short: "c", refused: "writing compressed clusters is not supported" },
  snapshot: { short: "l", value: "SNAPSHOT", refused: "converting a snapshot is not supported" },
  "rate-limit": { short: "r", value: "RATE", refused: "a rate limit is not supported" },
  "copy-range": { short: "C", refused: "copying by the file system is not supported" },
  salvage: { refused: "going on after read errors is not supported" },
  bitmaps: { refused: "bitmaps are not supported" },
  "target-image-opts": { refused: "descriptions of images by options are not supported" },
  ...OPEN_OPTIONS,
} as const;

type ConvertArguments = Arguments<keyof typeof OPTIONS>;

/** `instar convert` */
export const convertCommand: Command = defineCommand(
  {
    name: "convert",
    summary: "copy an image into a new one, of the same or another format",
    usage: "[-f FMT] [-O FMT] [-o NAME=VALUE,...] [-B FILE -F FMT] [-n] [-p] SOURCE TARGET",
    options: OPTIONS,
    notes: [
      "The target is sparse: what is unallocated or zero in the source is not written. A target that could not be\n" +
        "completed is removed, or left empty where there was a file of that name before.",
    ],
    examples: [
      ["convert -O qcow2 disk.raw disk.qcow2", "raw to qcow2"],
      ["convert -p -O raw disk.qcow2 disk.raw", "qcow2 with everything below it to raw, showing progress"],
      ["convert -O qcow2 -B base.qcow2 -F qcow2 disk.raw overlay.qcow2", "only what differs from base.qcow2"],
    ],
  },
  convert,
);

async function convert(args: ConvertArguments, context: Context): Promise<number> {
  const format = targetFormatNamed(args.value("output-format") ?? "raw");
  const help = createOptionsHelp(format, args.values("options"));
  if (help !== undefined) {
    await context.print(help);
    return 0;
  }
  const [from, to, ...rest] = args.positionals;
  if (from === undefined || to === undefined) throw new UsageError("expecting a source and a target");
  if (rest.length > 0) throw new CliError("several sources are not supported");
  const how = howToCopy(args);
  const options = parseCreateOptions(format, args.values("options"));
  if (options.size !== undefined) throw new UsageError("the size is that of the source");
  if (args.has("no-create") && args.has("options")) throw new UsageError("-o makes no sense with -n");
  if (args.has("target-is-zero") && !args.has("no-create")) throw new UsageError("--target-is-zero needs -n");
  cacheMode("-T", args.value("source-cache"));
  const source = await openImage(context, from, {
    format: formatOption(args.value("format")),
    share: args.has("force-share"),
    sparse: true,
  });
  return withImage(source, async () => {
    await refuseToReplace(to, [source]);
    const backing = { file: args.value("backing-file"), format: args.value("backing-format") };
    const job: Job = { source, to, format, how, args, context };
    if (args.has("no-create")) await intoExisting(job, backing.file);
    else await intoNew(job, withBacking(to, format, options, backing));
    return 0;
  });
}

interface HowToCopy {
  readonly sparse: number;
  readonly parallel: number;
  readonly ordered: boolean;
  readonly unsafe: boolean;
}

const MAX_SPARSE = 16_777_216;

function howToCopy(args: ConvertArguments): HowToCopy {
  const sparse = parseSize(args.value("sparse") ?? "4k", "sparse size");
  if (sparse % SECTOR !== 0 || sparse > MAX_SPARSE) {
    throw new UsageError(`-S '${args.value("sparse")}': must be a multiple of ${SECTOR} up to ${MAX_SPARSE}`);
  }
  return {
    sparse,
    parallel: integerIn("-m", args.value("parallel") ?? "8", 1, 16),
    ordered: !args.has("unordered"),
    unsafe: cacheMode("-t", args.value("cache")) === "unsafe",
  };
}

interface Job {
  readonly source: Image;
  readonly to: string;
  readonly format: TargetFormat;
  readonly how: HowToCopy;
  readonly args: ConvertArguments;
  readonly context: Context;
}

async function intoNew(job: Job, options: CreateOptions): Promise<void> {
  const { source, to, format, context, how } = job;
  const below =
    options.backingFile === undefined ? undefined : await openTargetBacking(context, to, options, { sparse: true });
  const base = below?.disk;
  const what = { name: to, format, size: source.disk.size, options, base, unsafe: how.unsafe };
  await withNewImage(context, what, (disk) => copy(job, disk, options, { base }));
}

async function intoExisting(job: Job, backingFile: string | undefined): Promise<void> {
  const { source, to, format, args, context, how } = job;
  if (backingFile !== undefined) throw new CliError("-B makes no sense with -n: the target names what is below it");
  const target = await openImage(context, to, { format, write: true, sparse: true });
  await withImage(target, async ({ disk, layers }) => {
    await refuseToReplace(to, [source]);
    if (disk.size < source.disk.size) {
      throw new CliError(`'${to}' is smaller than '${source.name}': ${disk.size} bytes, not ${source.disk.size}`);
    }
    const clear = args.has("target-is-zero") && layers.length === 1;
    await copy(job, disk, {}, { clear });
    if (!how.unsafe) await disk.sync({ signal: context.signal });
  });
}

async function copy(
  { source, how, format, args, context }: Job,
  target: Backend,
  { clusterSize = 65536 }: CreateOptions,
  { base, clear = true }: { readonly base?: Backend | undefined; readonly clear?: boolean },
): Promise<void> {
  const progress = new Progress(context, args.has("progress") && !args.has("quiet"), source.disk.size);
  // A cluster is the least that a qcow2 image can leave out.
  const unit = format === "qcow2" ? roundUp(how.sparse, clusterSize) : how.sparse;
  await copyDisk({
    source: source.disk,
    target,
    base,
    targetIsClear: clear,
    sparse: unit,
    parallel: how.parallel,
    ordered: how.ordered,
    signal: context.signal,
    progress: (bytes) => progress.add(bytes),
  });
  await progress.finish();
}
