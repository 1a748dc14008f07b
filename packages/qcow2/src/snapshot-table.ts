import type { Backend, CallOptions } from "@instar/backend";

import { alignUp, readU64, viewOf } from "./bytes.js";
import { ruleError } from "./errors.js";
import type { Qcow2Header } from "./header.js";

/** A snapshot inside an image. Specification: "Snapshots". */
export interface Snapshot {
  readonly id: string;
  readonly name: string;
  /** Offset of its L1 table in bytes; not checked. */
  readonly l1TableOffset: number;
  /** Entries of its L1 table; not checked. */
  readonly l1Size: number;
}

/** The snapshots of an image and the length of their table. */
export interface SnapshotTable {
  readonly snapshots: readonly Snapshot[];
  /** Bytes. */
  readonly length: number;
}

/** Bytes of an entry in front of its extra data. */
const FIXED = 40;
/** Most bytes of extra data an entry may have; the limit that QEMU sets. */
const MAX_EXTRA = 1024;
/** Most bytes an entry can take with an identifier and a name of full length. */
const MAX_ENTRY: number = FIXED + MAX_EXTRA + 2 * 65535 + 7;

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
    if (at + MAX_ENTRY > chunk.offset + chunk.bytes.byteLength) {
      const bytes = new Uint8Array(Math.max(0, Math.min(2 * MAX_ENTRY, file.size - at)));
      await file.read(bytes, Math.min(at, file.size), options);
      chunk = { offset: at, bytes };
    }
    const { snapshot, length } = parseEntry(file.name, index, chunk.bytes.subarray(at - chunk.offset));
    snapshots.push(snapshot);
    at += length;
  }
  return { snapshots, length: at - header.snapshotsOffset };
}

function parseEntry(where: string, index: number, bytes: Uint8Array): { snapshot: Snapshot; length: number } {
  const entry = `snapshot table entry ${index}`;
  const inside = `inside the file`;
  if (bytes.byteLength < FIXED) throw ruleError("ERR_CORRUPT", where, `end of ${entry}`, FIXED, inside);
  const view = viewOf(bytes);
  const idLength = view.getUint16(12);
  const nameLength = view.getUint16(14);
  const extra = view.getUint32(36);
  if (extra > MAX_EXTRA) {
    throw ruleError("ERR_CORRUPT", where, `extra_data_size of ${entry}`, extra, `at most ${MAX_EXTRA}`);
  }
  const idAt = FIXED + extra;
  const end = idAt + idLength + nameLength;
  if (end > bytes.byteLength) throw ruleError("ERR_CORRUPT", where, `end of ${entry}`, end, inside);
  const decoder = new TextDecoder();
  const snapshot = {
    id: decoder.decode(bytes.subarray(idAt, idAt + idLength)),
    name: decoder.decode(bytes.subarray(idAt + idLength, end)),
    l1TableOffset: readU64(view, 0),
    l1Size: view.getUint32(8),
  };
  return { snapshot, length: alignUp(end, 8) };
}
