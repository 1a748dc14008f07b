import type { Backend } from "@instar/backend";

import { viewOf } from "../bytes.js";
import type { Qcow2Header } from "../header.js";
import { readClipped } from "../read-clipped.js";
import { encodeSnapshotEntry, parseSnapshotEntry, type Snapshot, snapshotEntryLength } from "../snapshot-entry.js";
import { encodeSnapshotTable } from "../snapshot-table.js";

/** Bytes of an entry in front of its extra data. */
const FIXED = 40;
/** Most bytes of extra data; the limit that QEMU sets. */
const MAX_EXTRA = 1024;
/** Extra data that an entry of version 3 must have: VM state size and disk size. */
const LEAST_EXTRA = 16;

/** Whether an entry lacks what one of version 3 must have. */
export function isIncomplete({ bytes }: Snapshot, version: 2 | 3): boolean {
  return version === 3 && viewOf(bytes).getUint32(36) < LEAST_EXTRA;
}

/**
 * The snapshot table without its faults: entries have the extra data that they must have, and no more than they may.
 * Resolves with nothing where none is at fault, or where the table cannot be understood at all.
 */
export async function mendedSnapshotTable(
  file: Backend,
  header: Qcow2Header,
): Promise<{ readonly table: Uint8Array; readonly faults: number } | undefined> {
  const { snapshotCount, snapshotsOffset, version, size } = header;
  const entries: Uint8Array[] = [];
  let faults = 0;
  let at = snapshotsOffset;
  for (let index = 0; index < snapshotCount; index++) {
    const fixed = await readClipped(file, at, FIXED);
    const view = viewOf(fixed);
    const extra = view.getUint32(36);
    const names = view.getUint16(12) + view.getUint16(14);
    if (at + FIXED + extra + names > file.size) return undefined;
    const kept = Math.min(extra, MAX_EXTRA);
    const entry = new Uint8Array(FIXED + kept + names);
    entry.set(fixed);
    viewOf(entry).setUint32(36, kept);
    await file.read(entry.subarray(FIXED, FIXED + kept), at + FIXED);
    await file.read(entry.subarray(FIXED + kept), at + FIXED + extra);
    const snapshot = parseSnapshotEntry(file.name, index, entry);
    if (isIncomplete(snapshot, version)) entries.push(encodeSnapshotEntry({ ...snapshot, diskSize: size }));
    else entries.push(entry);
    if (kept !== extra || isIncomplete(snapshot, version)) faults++;
    at += snapshotEntryLength(FIXED + extra + names);
  }
  return faults === 0 ? undefined : { table: encodeSnapshotTable(file.name, entries), faults };
}
