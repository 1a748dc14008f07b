import type { SnapshotRef, Snapshots } from "@instar/qcow2";
import { OPEN_OPTIONS } from "../access.js";
import type { Arguments } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { CliError, Interrupted, oneLine, UsageError } from "../errors.js";
import { type Image, withImage } from "../image.js";
import { openImage } from "../open-image.js";
import { printLines } from "../print-lines.js";
import { snapshotLines, snapshotsOf } from "../snapshot-list.js";

const OPTIONS = {
  list: { short: "l", help: "list the snapshots (the default)" },
  create: { short: "c", value: "NAME", help: "keep the disk as it is now" },
  apply: { short: "a", value: "SNAPSHOT", help: "make the disk what it was; SNAPSHOT is an id or a name" },
  delete: { short: "d", value: "NAME", help: "remove the first snapshot of that name" },
  quiet: { short: "q", help: "print nothing but errors and the list" },
  "force-share": { short: "U", help: "with -l: also while another program writes to the image" },
  ...OPEN_OPTIONS,
} as const;

const ACTIONS = ["list", "create", "apply", "delete"] as const;

/** `instar snapshot` */
export const snapshotCommand: Command = defineCommand(
  {
    name: "snapshot",
    summary: "list, make, apply and remove the snapshots inside an image",
    usage: "[-q] [-U] [-l | -a SNAPSHOT | -c NAME | -d NAME] FILE",
    options: OPTIONS,
    notes: ["Applying a snapshot loses what was written since, unless another snapshot has it."],
    examples: [
      ["snapshot -c before disk.qcow2", "keep the disk as it is"],
      ["snapshot -l disk.qcow2", "which snapshots there are"],
      ["snapshot -a before disk.qcow2", "back to where it was"],
    ],
  },
  snapshot,
);

async function snapshot(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [file, ...rest] = args.positionals;
  const actions = ACTIONS.flatMap((name) => args.values(name).map(() => name));
  if (actions.length > 1) throw new UsageError("Cannot mix '-l', '-a', '-c', '-d'");
  if (file === undefined || rest.length > 0) throw new UsageError("expecting one image file name");
  const [action = "list"] = actions;
  const share = args.has("force-share");
  if (share && action !== "list") throw new UsageError("-U goes with -l only: a writer must lock");
  const image = await openImage(context, file, { write: action !== "list", share });
  await withImage(image, () =>
    action === "list" ? list(image, context) : change(action, args.value(action) ?? "", image, context),
  );
  return 0;
}

async function list({ qcow2 }: Image, context: Context): Promise<void> {
  const snapshots = qcow2 && (await snapshotsOf(qcow2));
  if (snapshots) await printLines(context, snapshotLines(snapshots));
}

async function change(
  action: "create" | "apply" | "delete",
  name: string,
  { qcow2, format }: Image,
  context: Context,
): Promise<void> {
  try {
    if (!qcow2) throw new CliError(`format ${format} has no snapshots`);
    const { snapshots } = qcow2;
    if (action === "create") await snapshots.create({ name, date: context.host.date() });
    else if (action === "apply") await snapshots.apply(await found(snapshots, name, true));
    else await snapshots.remove(await found(snapshots, name, false));
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    throw new CliError(`Could not ${action} snapshot '${name}': ${oneLine(error)}`, { cause: error });
  }
}

/** The snapshot of that name or, where an id may do, of that id. As in qemu-img, an id does not do to remove one. */
async function found(snapshots: Snapshots, name: string, orId: boolean): Promise<SnapshotRef> {
  const all = await snapshots.list();
  const { findSnapshot } = await import("@instar/qcow2");
  const match = orId ? findSnapshot(all, name) : all.find((candidate) => candidate.name === name);
  if (!match) throw new CliError("snapshot not found");
  return { id: match.id, name: match.name };
}
