import type { Backend, CallOptions } from "@instar/backend";

import { ruleError } from "./errors.js";
import type { Qcow2Header } from "./header.js";
import { MAX_SNAPSHOT_ENTRY, parseSnapshotEntry, type Snapshot, snapshotEntryLength } from "./snapshot-entry.js";

/** The snapshots of an image and the length of their table. */
export interface SnapshotTable {
  readonly snapshots: readonly Snapshot[];
  /** Bytes. */
  readonly length: number;
}

/** Most bytes of a snapshot table; the limit that QEMU sets. */
const MAX_SNAPSHOT_TABLE: number = 64 * 1024 * 1024;

/**
 * Reads the snapshot table.
 *
 * @throws {@link Qcow2Error} `ERR_CORRUPT` for an entry that breaks its rules or goes past the end of the file
 */
export async function readSnapshotTable(
  file: Backend,
  header: Qcow2Header,
  options?: CallOptions,
): Promise<SnapshotTable> {
  const snapshots: Snapshot[] = [];
  let at = header.snapshotsOffset;
  let chunk = { offset: at, bytes: new Uint8Array(0) };
  for (let index = 0; index < header.snapshotCount; index++) {
    if (at + MAX_SNAPSHOT_ENTRY > chunk.offset + chunk.bytes.byteLength) {
      const bytes = new Uint8Array(Math.max(0, Math.min(2 * MAX_SNAPSHOT_ENTRY, file.size - at)));
      await file.read(bytes, Math.min(at, file.size), options);
      chunk = { offset: at, bytes };
    }
    const snapshot = parseSnapshotEntry(file.name, index, chunk.bytes.subarray(at - chunk.offset));
    snapshots.push(snapshot);
    at += snapshotEntryLength(snapshot.bytes.byteLength);
    const length = at - header.snapshotsOffset;
    if (length > MAX_SNAPSHOT_TABLE) {
      throw ruleError(
        "ERR_CORRUPT",
        file.name,
        "length of the snapshot table",
        length,
        `at most ${MAX_SNAPSHOT_TABLE}`,
      );
    }
  }
  return { snapshots, length: at - header.snapshotsOffset };
}

/**
 * The bytes of a table of snapshots.
 *
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` where it is longer than QEMU reads
 */
export function encodeSnapshotTable(where: string, entries: readonly Uint8Array[]): Uint8Array {
  const length = entries.reduce((sum, entry) => sum + snapshotEntryLength(entry.byteLength), 0);
  if (length > MAX_SNAPSHOT_TABLE) {
    const rule = `at most ${MAX_SNAPSHOT_TABLE}`;
    throw ruleError("ERR_INVALID_OPTION", where, "length of the snapshot table", length, rule);
  }
  const table = new Uint8Array(length);
  let at = 0;
  for (const entry of entries) {
    table.set(entry, at);
    at += snapshotEntryLength(entry.byteLength);
  }
  return table;
}

/** The snapshots of a table in memory, as {@link readSnapshotTable} reads them from the file. */
export function parseSnapshotTable(where: string, table: Uint8Array, count: number): Snapshot[] {
  const snapshots: Snapshot[] = [];
  for (let index = 0, at = 0; index < count; index++) {
    const snapshot = parseSnapshotEntry(where, index, table.subarray(at));
    snapshots.push(snapshot);
    at += snapshotEntryLength(snapshot.bytes.byteLength);
  }
  return snapshots;
}
