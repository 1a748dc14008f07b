import { OPEN_OPTIONS } from "../access.js";
import { type Arguments, oneOf } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { type CreateOptions, createOptionsHelp, parseCreateOptions } from "../create-options.js";
import { suiteOf } from "../encrypt-options.js";
import { UsageError } from "../errors.js";
import { type TargetFormat, targetFormatNamed, formatOption } from "../format-names.js";
import { withImage } from "../image.js";
import { type Measured, type MeasuredSource, measureQcow2 } from "../measure-qcow2.js";
import { openImage } from "../open-image.js";
import { SECTOR } from "../raw-image.js";
import { parseSize, roundUp } from "../sizes.js";
import { SNAPSHOT_OPTION } from "../snapshot-param.js";
import { withDiskOf } from "../sources.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of FILE (default: told by its content)" },
  "output-format": {
    short: "O",
    value: "FMT",
    help: "format of the image to be made: raw (the default), qcow2 or luks",
  },
  options: { short: "o", value: "NAME=VALUE,...", help: "options of the image to be made; -o help lists them" },
  output: { value: "human|json", help: "how to print (default: human)" },
  size: { value: "SIZE", help: "for an empty image of this size, instead of FILE" },
  "force-share": { short: "U", help: "also while another program writes to FILE" },
  ...SNAPSHOT_OPTION,
  ...OPEN_OPTIONS,
} as const;

/** `instar measure` */
export const measureCommand: Command = defineCommand(
  {
    name: "measure",
    summary: "tell how much space a new image would need",
    usage: "[-O FMT] [-o NAME=VALUE,...] [--output=human|json] (--size SIZE | [-f FMT] [-l SNAP] [-U] FILE)",
    options: OPTIONS,
    notes: [
      "'required size' is what a copy of FILE needs, 'fully allocated size' what it may grow to. Both are upper bounds,\n" +
        "for the file that holds the image.",
    ],
    examples: [
      ["measure -O qcow2 disk.raw", "how large a volume a conversion to qcow2 needs"],
      ["measure -O qcow2 -o cluster_size=2M --size 1T", "an empty image of 1 TiB"],
    ],
  },
  measure,
);

async function measure(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const output = oneOf("--output", args.value("output") ?? "human", ["human", "json"]);
  const target = targetFormatNamed(args.value("output-format") ?? "raw");
  const [file, ...rest] = args.positionals;
  const size = args.value("size");
  if (rest.length > 0) throw new UsageError("At most one filename argument is allowed.");
  if (file === undefined && size === undefined) {
    throw new UsageError("Either --size N or one filename must be specified.");
  }
  const help = createOptionsHelp(target, args.values("options"));
  if (help !== undefined) {
    await context.print(help);
    return 0;
  }
  if (file === undefined) {
    if (args.has("format") || args.has("snapshot")) throw new UsageError("-f and -l require a filename argument.");
    await print(await figures(target, args, parseSize(size ?? "0"), undefined, context), output, context);
    return 0;
  }
  if (size !== undefined) throw new UsageError("--size N cannot be used together with a filename.");
  const image = await openImage(context, file, {
    format: formatOption(args.value("format")),
    share: args.has("force-share"),
    sparse: true,
  });
  await withImage(image, () =>
    withDiskOf(image, args.value("snapshot"), async (disk) => {
      await print(await figures(target, args, disk.size, { image, disk }, context), output, context);
    }),
  );
  return 0;
}

async function figures(
  target: TargetFormat,
  args: Arguments<keyof typeof OPTIONS>,
  size: number,
  source: MeasuredSource | undefined,
  context: Context,
): Promise<Measured> {
  const options = parseCreateOptions(target, args.values("options"));
  if (target === "qcow2") return measureQcow2(size, options, source, context.signal);
  const bytes = roundUp(size, SECTOR) + (target === "luks" ? await luksBytes(options) : 0);
  return { required: bytes, fullyAllocated: bytes };
}

/** Bytes in front of an encrypted disk. */
async function luksBytes({ encrypt = {} }: CreateOptions): Promise<number> {
  const { luksHeaderBytes } = await import("@instar/luks");
  return luksHeaderBytes(await suiteOf(encrypt, ""));
}

async function print(measured: Measured, output: "human" | "json", context: Context): Promise<void> {
  const { required, fullyAllocated, bitmaps } = measured;
  if (output === "json") {
    const named = { ...(bitmaps !== undefined && { bitmaps }), required, "fully-allocated": fullyAllocated };
    await context.print(`${JSON.stringify(named, null, 4)}\n`);
    return;
  }
  const more = bitmaps === undefined ? "" : `bitmaps size: ${bitmaps}\n`;
  await context.print(`required size: ${required}\nfully allocated size: ${fullyAllocated}\n${more}`);
}
