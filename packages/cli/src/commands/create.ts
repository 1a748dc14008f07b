import { OPEN_OPTIONS } from "../access.js";
import type { Arguments } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { type CreateOptions, createOptionsHelp, parseCreateOptions } from "../create-options.js";
import { CliError, UsageError } from "../errors.js";
import { targetFormatNamed } from "../format-names.js";
import { formattingLine } from "../formatting-line.js";
import { withNewImage } from "../new-image.js";
import { parseSize } from "../sizes.js";
import { openTargetBacking, withBacking } from "../target-backing.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the new image: raw (the default), qcow2 or luks" },
  options: { short: "o", value: "NAME=VALUE,...", help: "options of the format (repeatable); -o help lists them" },
  "backing-file": { short: "b", value: "FILE", help: "image below; a relative name counts from the new image" },
  "backing-format": { short: "F", value: "FMT", help: "format of the image below" },
  unsafe: { short: "u", help: "do not look at the image below" },
  quiet: { short: "q", help: "print nothing but errors" },
  ...OPEN_OPTIONS,
} as const;

/** `instar create` */
export const createCommand: Command = defineCommand(
  {
    name: "create",
    summary: "make an empty image",
    usage: "[-f FMT] [-o NAME=VALUE,...] [-b FILE -F FMT] [-u] [-q] FILE [SIZE]",
    options: OPTIONS,
    notes: [
      "SIZE is in bytes, or has a suffix: k, M, G, T, P, E (powers of 1024). Without it the size is that of the image\n" +
        "below. A file of that name is replaced.",
    ],
    examples: [
      ["create -f qcow2 disk.qcow2 20G", "an image that grows as it is filled"],
      [
        "create -f qcow2 -b base.qcow2 -F qcow2 overlay.qcow2",
        "one that keeps what changes, and leaves base.qcow2 alone",
      ],
      ["create -f qcow2 -o cluster_size=4k,refcount_bits=8 small.qcow2 1G", "with options of the format"],
    ],
  },
  create,
);

async function create(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const format = targetFormatNamed(args.value("format") ?? "raw");
  const help = createOptionsHelp(format, args.values("options"));
  if (help !== undefined) {
    await context.print(help);
    return 0;
  }
  const [name, size, ...rest] = args.positionals;
  if (name === undefined) throw new UsageError("expecting an image file name");
  if (rest.length > 0) throw new UsageError(`unexpected argument '${rest.join(" ")}'`);
  const options = withBacking(name, format, parseCreateOptions(format, args.values("options")), {
    file: args.value("backing-file"),
    format: args.value("backing-format"),
  });
  if (options.size !== undefined && size !== undefined) throw new UsageError("the size is given twice");
  const given = size === undefined ? options.size : parseSize(size);
  const bytes = await sizeOf(name, options, given, args, context);
  if (!args.has("quiet")) await context.print(formattingLine(name, format, bytes, options));
  await withNewImage(context, { name, format, size: bytes, options }, async () => {});
  return 0;
}

/** The size of the new image; looks at the image below unless told not to. */
async function sizeOf(
  name: string,
  options: CreateOptions,
  given: number | undefined,
  args: Arguments<keyof typeof OPTIONS>,
  context: Context,
): Promise<number> {
  if (options.backingFile === undefined || args.has("unsafe")) {
    if (given === undefined) throw new CliError(`${name}: a size is needed`);
    return given;
  }
  const backing = await openTargetBacking(context, name, options);
  try {
    return given ?? backing.disk.size;
  } finally {
    await backing.disk.close();
  }
}
