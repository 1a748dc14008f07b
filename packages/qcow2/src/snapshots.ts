import type { Backend } from "@instar/backend";

import type { SnapshotInfo } from "./snapshot-entry.js";

/** Which snapshot: by its id, its name, or both. Where several have the name, the first of them. */
export interface SnapshotRef {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

/** What a new snapshot is to be. */
export interface NewSnapshot {
  /** At most 255 bytes of UTF-8, and not necessarily unique. */
  readonly name: string;
  /** Unique, at most 127 bytes. Defaults to one more than the largest number among the ids. */
  readonly id?: string | undefined;
  /** When it is taken. */
  readonly date: Date;
  /** How long the guest has been running, in nanoseconds. Defaults to 0. */
  readonly vmClock?: bigint | undefined;
}

/**
 * The first snapshot with that id, or else the first with that name: the rule of `qemu-img` where it takes either.
 */
export function findSnapshot<T extends SnapshotInfo>(snapshots: readonly T[], text: string): T | undefined {
  return snapshots.find(({ id }) => id === text) ?? snapshots.find(({ name }) => name === text);
}

/**
 * The snapshots inside an image. Making, applying and removing one waits for all requests under way, and switches by
 * one write of one sector: cut the power at any moment, and it has happened or it has not.
 *
 * A snapshot is of what the disk holds at that moment, whether synced or not. Specification: "Snapshots".
 */
export interface Snapshots {
  /** All of them, in the order of their table, which is that of their making. */
  list(): Promise<readonly SnapshotInfo[]>;

  /**
   * The same one after the other, so that the memory it takes does not grow with their number.
   *
   * @throws {@link BackendError} `ERR_CHANGED` where a snapshot is made, applied or removed meanwhile
   */
  each(): AsyncIterable<SnapshotInfo>;

  /**
   * Keeps the disk as it is now.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` for an id or a name that breaks its rule, where there are too many,
   *   or where the data is in another file; {@link BackendError} `ERR_NO_SPACE` where refcounts are too narrow for one
   *   more reference. Nothing has changed then.
   */
  create(options: NewSnapshot): Promise<SnapshotInfo>;

  /**
   * Makes the disk what it was: content and size. What has been written since is gone, unless another snapshot has it.
   *
   * @throws {@link BackendError} `ERR_NOT_FOUND`; {@link Qcow2Error} `ERR_CORRUPT` for one whose tables are broken
   */
  apply(ref: SnapshotRef): Promise<void>;

  /**
   * Removes a snapshot. The disk stays as it is; clusters that only the snapshot had are free.
   *
   * @throws {@link BackendError} `ERR_NOT_FOUND`; `ERR_LOCKED` while it is open
   */
  remove(ref: SnapshotRef): Promise<void>;

  /**
   * Opens the disk as it was, for reading, while the image goes on. Closing it closes nothing else; while it is open
   * the snapshot cannot be removed.
   *
   * @throws {@link BackendError} `ERR_NOT_FOUND`; {@link Qcow2Error} `ERR_CORRUPT`
   */
  open(ref: SnapshotRef): Promise<Backend>;
}
