import { alignUp, readU64, viewOf, writeU64 } from "./bytes.js";
import { ruleError } from "./errors.js";

/** What an image tells of a snapshot. Specification: "Snapshots". */
export interface SnapshotInfo {
  /** Its number among the snapshots of the image, usually; unique. */
  readonly id: string;
  /** Its name: hostile input, like the id, and not always unique. */
  readonly name: string;
  /** When it was taken: seconds since 1970. */
  readonly dateSeconds: number;
  /** The rest of that in nanoseconds. */
  readonly dateNanoseconds: number;
  /** How long the guest had been running, in nanoseconds. */
  readonly vmClock: bigint;
  /** Bytes of the state of a virtual machine kept with the disk; 0 without. Larger than 2^53 is inexact. */
  readonly vmStateSize: number;
  /** Instructions that the guest had executed, where that was counted. */
  readonly icount: bigint | undefined;
  /** Size of the disk in bytes; `undefined` where the snapshot does not tell: it is that of the image then. */
  readonly diskSize: number | undefined;
}

/** A snapshot, with what is needed to get at it. */
export interface Snapshot extends SnapshotInfo {
  /** Offset of its L1 table in bytes; not checked. */
  readonly l1TableOffset: number;
  /** Entries of its L1 table; not checked. */
  readonly l1Size: number;
  /** The entry as it stands in the table, padding left out. */
  readonly bytes: Uint8Array;
}

/** Bytes of an entry in front of its extra data. */
const FIXED = 40;
/** Bytes of the extra data of a new entry: VM state size, disk size, instruction count. */
const EXTRA = 24;
/** Most bytes of extra data an entry may have; the limit that QEMU sets. */
const MAX_EXTRA = 1024;
/** Most bytes an entry can take with an identifier and a name of full length. */
export const MAX_SNAPSHOT_ENTRY: number = FIXED + MAX_EXTRA + 2 * 65535 + 7;
/** One for all: an image may have 65536 of them. */
const decoder = new TextDecoder();
/** What stands for an instruction count where none is. */
const NO_ICOUNT = 0xffff_ffff_ffff_ffffn;

/**
 * Takes an entry of the snapshot table apart.
 *
 * @param where what to call the image in messages
 * @param index which entry it is, for messages
 * @param bytes the table from this entry on
 * @throws {@link Qcow2Error} `ERR_CORRUPT`
 */
export function parseSnapshotEntry(where: string, index: number, bytes: Uint8Array): Snapshot {
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
  const icount = extra >= 24 ? view.getBigUint64(56) : NO_ICOUNT;
  return {
    id: decoder.decode(bytes.subarray(idAt, idAt + idLength)),
    name: decoder.decode(bytes.subarray(idAt + idLength, end)),
    dateSeconds: view.getUint32(16),
    dateNanoseconds: view.getUint32(20),
    vmClock: view.getBigUint64(24),
    vmStateSize: extra >= 8 ? readU64(view, 40) : view.getUint32(32),
    icount: icount === NO_ICOUNT ? undefined : icount,
    diskSize: extra >= 16 ? readU64(view, 48) : undefined,
    l1TableOffset: readU64(view, 0),
    l1Size: view.getUint32(8),
    bytes: bytes.slice(0, end),
  };
}

/** Makes an entry of the snapshot table out of fields that are checked. */
export function encodeSnapshotEntry(snapshot: Omit<Snapshot, "bytes"> & { readonly diskSize: number }): Uint8Array {
  const id = new TextEncoder().encode(snapshot.id);
  const name = new TextEncoder().encode(snapshot.name);
  const bytes = new Uint8Array(FIXED + EXTRA + id.byteLength + name.byteLength);
  const view = viewOf(bytes);
  writeU64(view, 0, snapshot.l1TableOffset);
  view.setUint32(8, snapshot.l1Size);
  view.setUint16(12, id.byteLength);
  view.setUint16(14, name.byteLength);
  view.setUint32(16, snapshot.dateSeconds);
  view.setUint32(20, snapshot.dateNanoseconds);
  view.setBigUint64(24, snapshot.vmClock);
  view.setUint32(32, Math.min(snapshot.vmStateSize, 0xffff_ffff));
  view.setUint32(36, EXTRA);
  writeU64(view, 40, snapshot.vmStateSize);
  writeU64(view, 48, snapshot.diskSize);
  view.setBigUint64(56, snapshot.icount ?? NO_ICOUNT);
  bytes.set(id, FIXED + EXTRA);
  bytes.set(name, FIXED + EXTRA + id.byteLength);
  return bytes;
}

/** An entry that tells the size of the disk, if it has not done so: `size`. Version 3 asks for that. */
export function withDiskSize(entry: Uint8Array, size: number): Uint8Array {
  const view = viewOf(entry);
  const extra = view.getUint32(36);
  if (extra >= 16) return entry;
  const bytes = new Uint8Array(entry.byteLength + 16 - extra);
  bytes.set(entry.subarray(0, FIXED));
  bytes.set(entry.subarray(FIXED + extra), FIXED + 16);
  const sizes = viewOf(bytes);
  sizes.setUint32(36, 16);
  writeU64(sizes, 40, extra >= 8 ? readU64(view, 40) : view.getUint32(32));
  writeU64(sizes, 48, size);
  return bytes;
}

/** An entry whose L1 table is at another place. */
export function withL1Table(entry: Uint8Array, offset: number): Uint8Array {
  const bytes = entry.slice();
  writeU64(viewOf(bytes), 0, offset);
  return bytes;
}

/** Bytes that an entry takes in the table, of those that it has without padding. */
export function snapshotEntryLength(length: number): number {
  return alignUp(length, 8);
}
