import { OPEN_OPTIONS } from "../access.js";
import type { Arguments } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { firstDifference } from "../comparison.js";
import { exitingWith, UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { type Image, withImage } from "../image.js";
import { openImage } from "../open-image.js";
import { Progress } from "../progress.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the first image (default: told by its content)" },
  "second-format": { short: "F", value: "FMT", help: "format of the second image" },
  "source-cache": { short: "T", value: "MODE", help: "accepted for scripts; reading goes through the system's cache" },
  progress: { short: "p", help: "show how far it has come" },
  quiet: { short: "q", help: "print nothing; the exit code tells" },
  strict: { short: "s", help: "sizes, and what is allocated, must be equal too" },
  "force-share": { short: "U", help: "also while another program writes to the images" },
  ...OPEN_OPTIONS,
} as const;

const CANNOT_OPEN = 2;

/** `instar compare` */
export const compareCommand: Command = defineCommand(
  {
    name: "compare",
    summary: "compare what two images hold",
    usage: "[-f FMT] [-F FMT] [-p] [-q] [-s] [-U] FILE1 FILE2",
    options: OPTIONS,
    notes: [
      "exit codes: 0 identical, 1 different (or a mistake in the command line), 2 an image cannot be opened,\n" +
        "3 what is allocated cannot be told, 4 data cannot be read",
    ],
    examples: [
      ["compare disk.raw disk.qcow2", "whether a guest would see a difference"],
      ["compare -q -s a.qcow2 b.qcow2", "for scripts, also that the same parts are allocated"],
    ],
  },
  compare,
);

async function compare(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [first, second, ...rest] = args.positionals;
  if (first === undefined || second === undefined || rest.length > 0) {
    throw new UsageError("expecting two image file names");
  }
  cacheMode("-T", args.value("source-cache"));
  const how = { share: args.has("force-share"), sparse: true };
  const open = (name: string, format: string | undefined): Promise<Image> =>
    exitingWith(CANNOT_OPEN, (async () => openImage(context, name, { ...how, format: formatOption(format) }))());
  const a = await open(first, args.value("format"));
  return withImage(a, async () => {
    const b = await open(second, args.value("second-format"));
    return withImage(b, () => compareOpen(a, b, args, context));
  });
}

async function compareOpen(
  a: Image,
  b: Image,
  args: Arguments<keyof typeof OPTIONS>,
  context: Context,
): Promise<number> {
  const say = async (text: string): Promise<void> => {
    if (!args.has("quiet")) await context.print(`${text}\n`);
  };
  const strict = args.has("strict");
  const sizes = [a.disk.size, b.disk.size];
  if (strict && sizes[0] !== sizes[1]) {
    await say("Strict mode: Image size mismatch!");
    return 1;
  }
  const progress = new Progress(context, args.has("progress"), Math.max(...sizes));
  const difference = await firstDifference(a, b, {
    strict,
    signal: context.signal,
    progress: (bytes) => progress.add(bytes),
  });
  await progress.finish();
  if (sizes[0] !== sizes[1] && (difference === undefined || difference.offset >= Math.min(...sizes))) {
    await say("Warning: Image size mismatch!");
  }
  if (difference === undefined) {
    await say("Images are identical.");
    return 0;
  }
  const { offset, what } = difference;
  await say(
    what === "content"
      ? `Content mismatch at offset ${offset}!`
      : `Strict mode: Offset ${offset} block status mismatch!`,
  );
  return 1;
}
