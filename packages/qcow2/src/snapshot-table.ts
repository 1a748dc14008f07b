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

/** How far a snapshot table has been read. */
export interface SnapshotPlace {
  /** Entries. */
  readonly count: number;
  /** Bytes. */
  readonly length: number;
}

/** Some entries of a snapshot table that follow each other. */
export interface SnapshotPiece {
  readonly snapshots: readonly Snapshot[];
  /** Where the others begin. */
  readonly next: SnapshotPlace;
}

/** The beginning of a snapshot table. */
export const FIRST_SNAPSHOT: SnapshotPlace = { count: 0, length: 0 };

/**
 * Reads some of the entries from a place on, at least one; there is one.
 *
 * @throws {@link Qcow2Error} `ERR_CORRUPT` for an entry that breaks its rules or goes past the end of the file
 */
export async function readSnapshots(
  file: Backend,
  header: Qcow2Header,
  from: SnapshotPlace,
  options?: CallOptions,
): Promise<SnapshotPiece> {
  const snapshots: Snapshot[] = [];
  const at = Math.min(header.snapshotsOffset + from.length, file.size);
  const bytes = new Uint8Array(Math.min(2 * MAX_SNAPSHOT_ENTRY, file.size - at));
  await file.read(bytes, at, options);
  const whole = at + bytes.byteLength === file.size ? Infinity : bytes.byteLength - MAX_SNAPSHOT_ENTRY;
  let { count, length } = from;
  for (let read = 0; count < header.snapshotCount && read <= whole; count++) {
    const snapshot = parseSnapshotEntry(file.name, count, bytes.subarray(read));
    snapshots.push(snapshot);
    read += snapshotEntryLength(snapshot.bytes.byteLength);
    length = from.length + read;
    if (length <= MAX_SNAPSHOT_TABLE) continue;
    const rule = `at most ${MAX_SNAPSHOT_TABLE}`;
    throw ruleError("ERR_CORRUPT", file.name, "length of the snapshot table", length, rule);
  }
  return { snapshots, next: { count, length } };
}

/** Reads the snapshot table piece by piece. Throws as {@link readSnapshots}. */
export async function* snapshotPieces(
  file: Backend,
  header: Qcow2Header,
  options?: CallOptions,
): AsyncGenerator<SnapshotPiece> {
  for (let place = FIRST_SNAPSHOT; place.count < header.snapshotCount;) {
    const piece = await readSnapshots(file, header, place, options);
    yield piece;
    place = piece.next;
  }
}

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
  const all: Snapshot[] = [];
  let length = 0;
  for await (const { snapshots, next } of snapshotPieces(file, header, options)) {
    all.push(...snapshots);
    ({ length } = next);
  }
  return { snapshots: all, length };
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
