import { OPEN_OPTIONS } from "../access.js";
import { amendImage, amendOptionsHelp, parseAmendOptions } from "../amendment.js";
import { changePassphrases } from "../amend-passphrases.js";
import type { Arguments } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { CliError, UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { withImage } from "../image.js";
import { openImage } from "../open-image.js";
import { Progress } from "../progress.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  options: { short: "o", value: "NAME=VALUE,...", help: "what to change (repeatable); -o help lists it" },
  force: { help: "accepted for scripts" },
  progress: { short: "p", help: "show how far it has come" },
  quiet: { short: "q", help: "print nothing but errors" },
  cache: { short: "t", value: "MODE", help: "accepted for scripts; what is written is durable at the end" },
  ...OPEN_OPTIONS,
} as const;

/** `instar amend` */
export const amendCommand: Command = defineCommand(
  {
    name: "amend",
    summary: "change options of an image that is there",
    usage: "[-f FMT] [-p] [-q] -o NAME=VALUE,... FILE",
    options: OPTIONS,
    notes: ["Unlike 'resize', size=SIZE makes a disk smaller without asking."],
    examples: [
      ["amend -o compat=1.1 old.qcow2", "from version 2 of the format to version 3"],
      ["amend -o refcount_bits=64,size=20G disk.qcow2", "wider refcounts, and a disk of 20 GiB"],
      [
        "amend --object secret,id=old,file=old.txt -o encrypt.state=inactive,encrypt.old-secret=old disk.qcow2",
        "remove a passphrase; another one must be left",
      ],
    ],
  },
  amend,
);

async function amend(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const lists = args.values("options");
  const [file, ...rest] = args.positionals;
  if (lists.length === 0) throw new UsageError("Must specify options (-o)");
  const help = amendOptionsHelp(lists);
  if (help !== undefined && (file !== undefined || args.has("format"))) {
    await context.print(help);
    return 0;
  }
  if (file === undefined || rest.length > 0) throw new UsageError("Expecting one image file name");
  cacheMode("-t", args.value("cache"));
  const { options, passphrases } = parseAmendOptions(lists);
  const image = await openImage(context, file, { format: formatOption(args.value("format")), write: true });
  await withImage(image, async ({ qcow2, format, layers }) => {
    if (!qcow2) throw new CliError(`Format driver '${format}' does not support option amendment`);
    const progress = new Progress(context, args.has("progress") && !args.has("quiet"), 1);
    if (passphrases) {
      await changePassphrases({ qcow2, layers }, passphrases, context.access.secrets, context.signal);
    }
    await amendImage(file, qcow2, options, context.signal);
    await progress.finish();
  });
  return 0;
}
