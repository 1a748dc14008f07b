import { type BigIntStats, constants } from "node:fs";
import { access, type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";

import { BackendError } from "@instar/backend";

import { deviceSize } from "./device-size.js";
import { errnoOf, fsError } from "./fs-error.js";

/** A file that is open. */
export interface OpenedFile {
  readonly handle: FileHandle;
  /** As of opening. */
  readonly stats: BigIntStats;
  /** In bytes, also for a block device. */
  readonly size: number;
  /** Open where this call made the file, whose name is not durable yet. */
  readonly directory: FileHandle | undefined;
}

/** How to open a file. */
export interface OpenFileOptions {
  /** For messages. */
  readonly name: string;
  /** Absolute; its last part is no symbolic link. */
  readonly path: string;
  readonly write: boolean;
  /** Whether there may be, and whether there must be, nothing at the path yet. */
  readonly create: "never" | "new" | "replace";
}

// What the platform has not got does nothing. Without O_NONBLOCK a FIFO that is put in the place of the file between
// the look at it and the open would block a thread for good.
const SAFE = (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** Opens a regular file, or a block device for reading. Changes nothing that exists. */
export async function openFile(options: OpenFileOptions): Promise<OpenedFile> {
  const { name, path, write, create } = options;
  // Opening some devices does something (rewinds a tape, starts a watchdog): look before, and again at what was opened.
  const exists = await lookAt(options);
  let directory: FileHandle | undefined;
  let handle: FileHandle | undefined;
  try {
    if (!exists && create !== "never") directory = await open(dirname(path), constants.O_RDONLY);
    const exclusive = create === "new" ? constants.O_EXCL : 0;
    const making = create === "never" ? 0 : constants.O_CREAT | exclusive;
    handle = await open(path, (write ? constants.O_RDWR : constants.O_RDONLY) | making | SAFE, 0o666);
    const stats = await handle.stat({ bigint: true });
    refuseKind(name, stats, write);
    const size = stats.isBlockDevice() ? await deviceSize(handle, stats.rdev) : Number(stats.size);
    if (!Number.isSafeInteger(size)) {
      throw new BackendError("ERR_UNSUPPORTED", `${name}: its size of ${stats.size} bytes is above 2^53-1`);
    }
    return { handle, stats, size, directory };
  } catch (error) {
    await handle?.close();
    await directory?.close();
    throw error instanceof BackendError ? error : fsError(name, "open", error);
  }
}

/**
 * Whether there is something at the path, without opening it.
 *
 * @throws {@link BackendError} when it is nothing that can be opened so.
 */
export async function lookAt({ name, path, write, create }: OpenFileOptions): Promise<boolean> {
  try {
    const stats = await stat(path, { bigint: true });
    refuseKind(name, stats, write);
    if (create === "new") throw new BackendError("ERR_EXISTS", `${name}: there is a file of this name already`);
    if (write) await access(path, constants.W_OK);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" && create !== "never") return false;
    throw error instanceof BackendError ? error : fsError(name, "open", error);
  }
}

function refuseKind(name: string, stats: BigIntStats, write: boolean): void {
  if (stats.isFile()) return;
  if (stats.isBlockDevice()) {
    if (!write) return;
    throw new BackendError("ERR_UNSUPPORTED", `${name}: is a block device, and these are opened read-only`);
  }
  const rule = "only regular files and block devices can be opened";
  throw new BackendError("ERR_UNSUPPORTED", `${name}: is a ${kindOf(stats)}; ${rule}`);
}

function kindOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return "directory";
  if (stats.isFIFO()) return "FIFO";
  if (stats.isSocket()) return "socket";
  return stats.isCharacterDevice() ? "character device" : "file of unknown kind";
}
