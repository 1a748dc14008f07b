import type { Backend } from "@instar/backend";
import type { SnapshotInfo } from "@instar/qcow2";
import { parseKeyValues } from "./args.js";
import { CliError, UsageError } from "./errors.js";
import type { Image } from "./image.js";

/** The option that says which snapshot to read rather than the disk. */
export const SNAPSHOT_OPTION = {
  snapshot: {
    short: "l",
    value: "SNAPSHOT",
    help: "read this snapshot: an id, a name, or snapshot.id=ID,snapshot.name=NAME",
  },
} as const;

/**
 * Opens the snapshot that `-l` means. It is to be closed before the image.
 *
 * @throws {@link CliError} where there is none; {@link UsageError} where the value makes no sense.
 */
export async function openSnapshot({ qcow2, format }: Image, value: string): Promise<Backend> {
  if (!qcow2) throw new CliError(`Failed to load snapshot: format ${format} has none`);
  const found = await matching(await qcow2.snapshots.list(), value);
  if (!found) throw new CliError("Failed to load snapshot: Can't find snapshot");
  return qcow2.snapshots.open({ id: found.id, name: found.name });
}

async function matching(snapshots: readonly SnapshotInfo[], value: string): Promise<SnapshotInfo | undefined> {
  if (!value.startsWith("snapshot.")) return (await import("@instar/qcow2")).findSnapshot(snapshots, value);
  const wanted = parseKeyValues([value]);
  const unknown = [...wanted.keys()].find((key) => key !== "snapshot.id" && key !== "snapshot.name");
  if (unknown !== undefined) throw new UsageError(`-l '${value}': Invalid parameter '${unknown}'`);
  const [id, name] = [wanted.get("snapshot.id"), wanted.get("snapshot.name")];
  return snapshots.find((one) => (id === undefined || one.id === id) && (name === undefined || one.name === name));
}
