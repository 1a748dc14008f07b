import type { Qcow2Image, SnapshotInfo } from "@instar/qcow2";
import { formatSize } from "./sizes.js";

/** A snapshot, with the names of `qemu-img info --output=json`. */
export interface SnapshotFields {
  readonly id: string;
  readonly name: string;
  readonly "vm-state-size": number;
  readonly "date-sec": number;
  readonly "date-nsec": number;
  readonly "vm-clock-sec": number;
  readonly "vm-clock-nsec": number;
  readonly icount?: number;
}

/**
 * The snapshots of an image, if there are any, to be gone through while it is open: however many there are, few are kept.
 *
 * @throws what reading them throws
 */
export async function snapshotsOf({ snapshots }: Qcow2Image): Promise<AsyncIterable<SnapshotFields> | undefined> {
  let count = 0;
  // What cannot be read is known before anything is printed.
  for await (const _ of snapshots.each()) count++;
  if (count === 0) return undefined;
  return {
    async *[Symbol.asyncIterator]() {
      for await (const snapshot of snapshots.each()) yield fieldsOf(snapshot);
    },
  };
}

/** The fields of a snapshot, for programs. */
function fieldsOf(snapshot: SnapshotInfo): SnapshotFields {
  const { id, name, vmStateSize, dateSeconds, dateNanoseconds, vmClock, icount } = snapshot;
  return {
    ...(icount !== undefined && { icount: Number(icount) }),
    "vm-clock-nsec": Number(vmClock % 1_000_000_000n),
    name,
    "date-sec": dateSeconds,
    "date-nsec": dateNanoseconds,
    "vm-clock-sec": Number(vmClock / 1_000_000_000n),
    id,
    "vm-state-size": vmStateSize,
  };
}

/** The snapshots of an image for people, a line each below two of headings, as `qemu-img` lists them. */
export async function* snapshotLines(snapshots: AsyncIterable<SnapshotFields>): AsyncGenerator<string> {
  yield "Snapshot list:";
  yield row("ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
  for await (const snapshot of snapshots) yield line(snapshot);
}

function line(its: SnapshotFields): string {
  const seconds = its["vm-clock-sec"];
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(twoDigits).join(":");
  const milliseconds = String(Math.floor(its["vm-clock-nsec"] / 1_000_000)).padStart(3, "0");
  const icount = its.icount === undefined ? "" : String(its.icount);
  const size = formatSize(its["vm-state-size"]);
  return row(its.id, its.name, size, localTime(its["date-sec"]), `${clock}.${milliseconds}`, icount);
}

function row(id: string, tag: string, size: string, date: string, clock: string, icount: string): string {
  const columns = [id.padEnd(9), " ", tag.padEnd(16), " ", size.padStart(8), date.padStart(20), clock.padStart(13)];
  return columns.join("") + icount.padStart(11);
}

function localTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":")}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
