import type { Bitmaps, BitmapSource } from "@instar/qcow2";
import { OPEN_OPTIONS } from "../access.js";
import type { Arguments } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { CliError, Interrupted, oneLine, UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { type Image, withImage } from "../image.js";
import { openImage } from "../open-image.js";
import { parseSize } from "../sizes.js";

const OPTIONS = {
  add: { help: "make it" },
  remove: { help: "remove it" },
  clear: { help: "make nothing dirty in it" },
  enable: { help: "record changes in it from now on" },
  disable: { help: "record no changes in it from now on" },
  merge: { value: "SOURCE", help: "make dirty in it what is dirty in the bitmap SOURCE (repeatable)" },
  "source-file": { short: "b", value: "FILE", help: "with --merge: the image that has SOURCE (default: FILE)" },
  "source-format": { short: "F", value: "FMT", help: "format of that image" },
  granularity: { short: "g", value: "SIZE", help: "with --add: bytes that a bit stands for (default: 64k)" },
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  ...OPEN_OPTIONS,
} as const;

const ACTIONS = ["add", "remove", "clear", "enable", "disable", "merge"] as const;
type Action = (typeof ACTIONS)[number];

/** `instar bitmap` */
export const bitmapCommand: Command = defineCommand(
  {
    name: "bitmap",
    summary: "make, change and remove the dirty bitmaps of an image",
    usage: "(--add | --remove | --clear | --enable | --disable | --merge FROM)... [-b FILE] [-g SIZE] FILE NAME",
    options: OPTIONS,
    notes: [
      "A dirty bitmap records what of the disk has changed, for incremental backup. Actions are carried out one after the\n" +
        "other; 'instar info' lists the bitmaps.",
    ],
    examples: [
      ["bitmap --add disk.qcow2 since-monday", "record what changes from now on"],
      ["bitmap --disable disk.qcow2 since-monday", "stop recording, to read what has changed"],
      ["bitmap --add --merge monday --merge tuesday disk.qcow2 both", "what has changed on either day"],
    ],
  },
  bitmap,
);

async function bitmap(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [file, name, ...rest] = args.positionals;
  const actions = actionsOf(args);
  refuseContradictions(args, actions);
  if (file === undefined || name === undefined || rest.length > 0) {
    throw new UsageError("Expecting filename and bitmap name");
  }
  const granularity = parseSize(args.value("granularity") ?? "0", "granularity");
  const image = await openImage(context, file, { format: formatOption(args.value("format")), write: true });
  await withImage(image, () =>
    withSource(args, context, async (source) => {
      for (const { action, value } of actions) {
        await carryOut(action, name, image, async (bitmaps) => {
          if (action === "add") {
            await bitmaps.add({ name, ...(granularity > 0 && { granularity }) });
          } else if (action === "merge") {
            await bitmaps.merge(source ? { image: source, name: value } : value, name);
          } else await bitmaps[action](name);
        });
      }
    }),
  );
  return 0;
}

interface Step {
  readonly action: Action;
  readonly value: string;
}

/** What to do, in the order of the command line. */
function actionsOf(args: Arguments<keyof typeof OPTIONS>): Step[] {
  return args.given.flatMap(([option, value]) => {
    const action = ACTIONS.find((known) => known === option);
    return action === undefined ? [] : [{ action, value }];
  });
}

function refuseContradictions(args: Arguments<keyof typeof OPTIONS>, actions: readonly Step[]): void {
  if (actions.length === 0) {
    throw new UsageError("Need at least one of --add, --remove, --clear, --enable, --disable, or --merge");
  }
  if (args.has("granularity") && !args.has("add")) throw new UsageError("granularity only supported with --add");
  if (args.has("source-format") && !args.has("source-file")) throw new UsageError("-F only supported with -b");
  if (args.has("source-file") && !args.has("merge")) {
    throw new UsageError("Merge bitmap source file only supported with --merge");
  }
}

/** Works with the image that `-b` names, or without one. */
async function withSource(
  args: Arguments<keyof typeof OPTIONS>,
  context: Context,
  work: (source: BitmapSource["image"] | undefined) => Promise<void>,
): Promise<void> {
  const name = args.value("source-file");
  if (name === undefined) return work(undefined);
  const format = formatOption(args.value("source-format"));
  const image = await openImage(context, name, { format, withoutBacking: true, described: false });
  await withImage(image, async ({ qcow2 }) => {
    if (!qcow2) throw new CliError(`'${name}': format ${image.format} has no bitmaps`);
    await work(qcow2);
  });
}

async function carryOut(
  action: Action,
  name: string,
  { qcow2, format }: Image,
  work: (bitmaps: Bitmaps) => Promise<void>,
): Promise<void> {
  try {
    if (!qcow2) throw new CliError(`format ${format} has no bitmaps`);
    await work(qcow2.bitmaps);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    throw new CliError(`Operation ${action} on bitmap ${name} failed: ${oneLine(error)}`, { cause: error });
  }
}
