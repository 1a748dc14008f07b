import type { Qcow2Image } from "@instar/qcow2";
import { OPEN_OPTIONS } from "../access.js";
import type { Arguments } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { EndlessDisk } from "../endless-disk.js";
import { CliError, Interrupted, oneLine, UsageError } from "../errors.js";
import { formatNamed, formatOption } from "../format-names.js";
import { filesOf, type Image, withImage } from "../image.js";
import { openImage } from "../open-image.js";
import { Progress } from "../progress.js";
import { keepContent } from "../rebasing.js";
import { type NamedBacking, openNewBacking } from "../target-backing.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  "backing-file": { short: "b", value: "FILE", help: "the new image below, as the image is to name it; '' for none" },
  "backing-format": { short: "F", value: "FMT", help: "its format" },
  unsafe: { short: "u", help: "only change the name: the new image below shows the same as the old one" },
  progress: { short: "p", help: "show how far it has come" },
  quiet: { short: "q", help: "print nothing but errors" },
  cache: { short: "t", value: "MODE", help: "accepted for scripts; what is written is durable at the end" },
  "source-cache": { short: "T", value: "MODE", help: "accepted for scripts; reading goes through the system's cache" },
  "force-share": { short: "U", help: "also while another program writes to the images below" },
  ...OPEN_OPTIONS,
} as const;

/** `instar rebase` */
export const rebaseCommand: Command = defineCommand(
  {
    name: "rebase",
    summary: "put an image over another one",
    usage: "[-f FMT] [-u] [-p] [-q] [-U] -b FILE [-F FMT] FILE",
    options: OPTIONS,
    notes: [
      "What the image shows stays the same: where the new image below differs from the old one, the old content is written\n" +
        "into the image. With -u nothing is looked at. Stopped at any moment, the image stands on the old one or the new one.",
    ],
    examples: [
      ["rebase -b new-base.qcow2 -F qcow2 overlay.qcow2", "stand on another image"],
      ["rebase -b '' overlay.qcow2", "stand alone"],
      ["rebase -u -b moved/base.qcow2 -F qcow2 overlay.qcow2", "the image below was moved or renamed"],
    ],
  },
  rebase,
);

async function rebase(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) throw new UsageError("expecting one image file name");
  const unsafe = args.has("unsafe");
  const name = args.value("backing-file") ?? "";
  if (!args.has("backing-file") && !unsafe) {
    throw new UsageError("Must specify backing file (-b) or use unsafe mode (-u)");
  }
  cacheMode("-t", args.value("cache"));
  cacheMode("-T", args.value("source-cache"));
  const backing = backingOf(name, args.value("backing-format"));
  const format = formatOption(args.value("format"));
  const progress = args.has("progress") && !args.has("quiet");
  const how = { share: args.has("force-share"), sparse: true };
  const old = await openImage(context, file, { ...how, format, withoutBacking: unsafe });
  await withImage(old, async () => {
    requireQcow2(old, name);
    // Readers take no lock: the image can be opened a second time, over what is below it without end.
    const below = new EndlessDisk(old.qcow2?.backing);
    const image = await openImage(context, file, { format, write: true, below });
    await withImage(image, async ({ qcow2 }) => {
      const shown = new Progress(context, progress, image.disk.size);
      if (!unsafe) {
        const keep = async (other?: Image): Promise<void> => {
          if (other) refuseItself(image, other);
          const clusterSize = old.qcow2?.info().clusterSize ?? 0;
          const told = (bytes: number): void => shown.add(bytes);
          const disk = new EndlessDisk(other?.disk);
          await keepContent(image, disk, { clusterSize, signal: context.signal, progress: told });
        };
        if (backing === null) await keep();
        else await withImage(await openBelow(context, file, backing, how), keep);
      }
      await rename(qcow2, backing);
      await shown.finish();
    });
  });
  return 0;
}

/** What the image is to name; `null` for nothing. */
function backingOf(name: string, format: string | undefined): NamedBacking | null {
  if (name === "") return null;
  if (format === undefined) {
    throw new CliError(`Could not change the backing file to '${name}': backing format must be specified (-F)`);
  }
  return { name, format: formatNamed(format) };
}

function requireQcow2({ qcow2, format }: Image, name: string): void {
  if (qcow2) return;
  throw new CliError(`Could not change the backing file to '${name}': format ${format} has none`);
}

async function openBelow(
  context: Context,
  file: string,
  backing: NamedBacking,
  how: { readonly share: boolean; readonly sparse: boolean },
): Promise<Image> {
  try {
    return await openNewBacking(context, file, backing, how);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    throw new CliError(`Could not open new backing file '${backing.name}': ${oneLine(error)}`, { cause: error });
  }
}

function refuseItself(image: Image, below: Image): void {
  const own = image.layers[0]?.identity;
  if (own === undefined || filesOf(below).every(({ identity }) => identity !== own)) return;
  throw new CliError(`'${below.name}' is, or stands on, '${image.name}' itself`);
}

async function rename(qcow2: Qcow2Image | undefined, backing: NamedBacking | null): Promise<void> {
  try {
    await qcow2?.sync();
    await qcow2?.amend({ backing });
    await qcow2?.sync();
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const message = `Could not change the backing file to '${backing?.name ?? ""}': ${oneLine(error)}`;
    throw new CliError(message, { cause: error });
  }
}
