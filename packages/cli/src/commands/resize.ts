import { OPEN_OPTIONS } from "../access.js";
import type { Arguments } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { CliError, UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { type Image, withImage } from "../image.js";
import { openImage } from "../open-image.js";
import { preallocationOf, truncateTo } from "../preallocation.js";
import { SECTOR } from "../raw-image.js";
import { parseSize } from "../sizes.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  shrink: { help: "the image may become smaller; what lies behind its new end is lost" },
  preallocation: { value: "MODE", help: "what to set aside of what is added: off, metadata, falloc or full" },
  quiet: { short: "q", help: "print nothing but errors" },
  ...OPEN_OPTIONS,
} as const;

const parsed = defineCommand(
  {
    name: "resize",
    summary: "change the size of an image",
    usage: "[-f FMT] [--shrink] [--preallocation=MODE] [-q] FILE [+|-]SIZE",
    options: OPTIONS,
    notes: [
      "SIZE is the new size, or with + or - in front how much to add or to take away: bytes, or with a suffix k, M, G, T,\n" +
        "P, E (powers of 1024). What is added reads as zeroes. Partitions and file systems inside stay as they are: make\n" +
        "them smaller before the image, and larger after it.",
    ],
    examples: [
      ["resize disk.qcow2 +10G", "10 GiB more"],
      ["resize -f raw disk.raw 20G", "a raw image of 20 GiB, if it was smaller"],
      ["resize --shrink disk.qcow2 5G", "make it smaller; everything behind 5 GiB is lost"],
    ],
  },
  resize,
);

/** `instar resize` */
export const resizeCommand: Command = {
  help: parsed.help,
  // "-5M" at the end is a size and no option.
  start: (argv, context) => {
    const last = argv.at(-1) ?? "";
    const marked = /^-\d/.test(last) && !argv.includes("--") ? [...argv.slice(0, -1), "--", last] : argv;
    return parsed.start(marked, context);
  },
};

async function resize(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [file, size, ...rest] = args.positionals;
  if (file === undefined || size === undefined || rest.length > 0) {
    throw new UsageError("expecting an image file name and a size");
  }
  const [, sign = "", amount = ""] = /^([+-]?)(.*)$/s.exec(size) ?? [];
  const bytes = parseSize(amount);
  const image = await openImage(context, file, {
    format: formatOption(args.value("format")),
    write: true,
    sparse: true,
  });
  await withImage(image, () => resizeTo(newSize(image, sign, bytes), image, args, context));
  if (!args.has("quiet")) await context.print("Image resized.\n");
  return 0;
}

function newSize({ disk, qcow2 }: Image, sign: string, bytes: number): number {
  const size = sign === "" ? bytes : disk.size + (sign === "+" ? bytes : -bytes);
  if (size <= 0) throw new CliError("New image size must be positive");
  if (!Number.isSafeInteger(size)) throw new CliError(`size ${size} is too large: the limit is 2^53-1 bytes`);
  if (qcow2 && size % SECTOR !== 0) throw new CliError(`The new size must be a multiple of ${SECTOR}`);
  return size;
}

async function resizeTo(
  size: number,
  image: Image,
  args: Arguments<keyof typeof OPTIONS>,
  context: Context,
): Promise<void> {
  const { disk } = image;
  const mode = preallocationOf("--preallocation", args.value("preallocation"), image, size);
  if (size < disk.size && !args.has("shrink")) {
    context.warn(
      "warning: Shrinking an image will delete all data beyond the shrunken image's end. Before performing such an " +
        "operation, make sure there is no important data there.",
    );
    throw new CliError("Use the --shrink option to perform a shrink operation.");
  }
  await truncateTo(image, size, mode, context.signal);
  await disk.sync({ signal: context.signal });
}
