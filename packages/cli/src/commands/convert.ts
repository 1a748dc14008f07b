import { OPEN_OPTIONS } from "../access.js";
import { type Arguments, integerIn } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { type Conversion, convertIntoExisting, convertIntoNew, type HowToCopy } from "../conversion.js";
import { type CreateOptions, createOptionsHelp, parseCreateOptions } from "../create-options.js";
import { UsageError } from "../errors.js";
import { type TargetFormat, targetFormatNamed, formatOption } from "../format-names.js";
import { SECTOR } from "../raw-image.js";
import { parseSize } from "../sizes.js";
import { refuseContradictions } from "./convert-contradictions.js";
import { SNAPSHOT_OPTION } from "../snapshot-param.js";
import { withSources } from "../sources.js";
import { refuseToReplace, withBacking } from "../target-backing.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the source (default: told by its content)" },
  "output-format": { short: "O", value: "FMT", help: "format of the target: raw (the default), qcow2 or luks" },
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
  "rate-limit": { short: "r", value: "RATE", help: "write at most RATE bytes in a second" },
  salvage: { help: "go on where the source cannot be read, with zeroes" },
  "copy-range": { short: "C", help: "accepted for scripts; the system copies nothing by itself" },
  progress: { short: "p", help: "show how far it has come" },
  quiet: { short: "q", help: "print nothing but errors" },
  "force-share": { short: "U", help: "also while another program writes to the source" },
  compress: { short: "c", help: "write compressed clusters" },
  ...SNAPSHOT_OPTION,
  bitmaps: { help: "copy the dirty bitmaps of the source, too" },
  "skip-broken-bitmaps": { help: "with --bitmaps: leave out those that were not stored" },
  "target-image-opts": { help: "with -n: TARGET is a description: driver=qcow2,file.filename=disk.qcow2" },
  ...OPEN_OPTIONS,
} as const;

type ConvertArguments = Arguments<keyof typeof OPTIONS>;

/** `instar convert` */
export const convertCommand: Command = defineCommand(
  {
    name: "convert",
    summary: "copy an image into a new one, of the same or another format",
    usage: "[-f FMT] [-O FMT] [-o NAME=VALUE,...] [-B FILE -F FMT] [-n] [-l SNAPSHOT] SOURCE... TARGET",
    options: OPTIONS,
    notes: [
      "Several sources are copied one behind the other. With -n and -B, only what the target does not show yet is written.",
      "The target is sparse: what is unallocated or zero in the source is not written. A target that could not be\n" +
        "completed is removed, or left empty where there was a file of that name before.",
    ],
    examples: [
      ["convert -O qcow2 disk.raw disk.qcow2", "raw to qcow2"],
      ["convert -p -O raw disk.qcow2 disk.raw", "qcow2 with everything below it to raw, showing progress"],
      ["convert -c -O qcow2 -o compression_type=zstd disk.raw disk.qcow2", "compressed"],
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
  const names = args.positionals.slice(0, -1);
  const to = args.positionals.at(-1);
  if (to === undefined || names.length === 0) throw new UsageError("expecting a source and a target");
  const how = howToCopy(args);
  const options = optionsOf(args, format, to);
  refuseContradictions(args, names.length, { format, options });
  cacheMode("-T", args.value("source-cache"));
  const salvage = args.has("salvage");
  const opening = {
    format: formatOption(args.value("format")),
    share: args.has("force-share"),
    sparse: true,
    sequential: true,
    salvage,
    snapshot: args.value("snapshot"),
  };
  return withSources(context, names, opening, async (source) => {
    if (!args.has("no-create")) await refuseToReplace(to, source.images);
    const job: Conversion = { source, to, how, context };
    if (!args.has("no-create")) await convertIntoNew(job, format, options);
    else {
      const [isZero, differences] = [args.has("target-is-zero"), args.has("backing-file")];
      const described = args.has("target-image-opts");
      await convertIntoExisting(job, { format: described ? undefined : format, described, isZero, differences });
    }
    return 0;
  });
}

function optionsOf(args: ConvertArguments, format: TargetFormat, to: string): CreateOptions {
  // The size is that of the source, whatever is said here.
  const { size: _, ...options } = parseCreateOptions(format, args.values("options"));
  if (args.has("no-create")) return options;
  return withBacking(to, format, options, { file: args.value("backing-file"), format: args.value("backing-format") });
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
    rate: parseSize(args.value("rate-limit") ?? "0", "rate limit"),
    progress: args.has("progress") && !args.has("quiet"),
    compress: args.has("compress"),
    bitmaps: args.has("skip-broken-bitmaps") ? "sound" : args.has("bitmaps") ? "all" : "none",
  };
}
