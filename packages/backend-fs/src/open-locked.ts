import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { BackendError, type OpenOptions } from "@instar/backend";

import { refuseForeignLocks } from "./foreign-locks.js";
import { errnoOf, fsError } from "./fs-error.js";
import { pathOf } from "./location.js";
import { lookAt, type OpenedFile, openFile, type OpenFileOptions } from "./open-file.js";
import { refuseWhileWritten, WriterLock } from "./writer-lock.js";

/** A file that is open, and the lock that goes with it. */
export interface LockedFile {
  readonly name: string;
  readonly file: OpenedFile;
  /** A writer's. */
  readonly lock: WriterLock | undefined;
}

/** Opens a location as the options say. Nothing is created, emptied or locked by a call that fails. */
export async function openLocked(location: string, options: OpenOptions): Promise<LockedFile> {
  const { write = false, create = "never", lock = true, signal } = options;
  signal?.throwIfAborted();
  const given = pathOf(location);
  const name = /^file:/i.test(location) ? given : location;
  if (create !== "never" && !write) throw new BackendError("ERR_READ_ONLY", `${name}: creating it needs write`);
  if (write && !lock) throw new BackendError("ERR_UNSUPPORTED", `${name}: a writer must lock`);
  const path = await realPath(name, given, create !== "never");
  const how: OpenFileOptions = { name, path, write, create };
  return write ? openWriter(how, signal) : openReader(how, lock);
}

async function openWriter(how: OpenFileOptions, signal: AbortSignal | undefined): Promise<LockedFile> {
  const { name, path, create } = how;
  // No lock file is left beside, or blamed for, what cannot be opened anyway.
  await lookAt(how);
  const lock = await WriterLock.take(name, path);
  try {
    signal?.throwIfAborted();
    const file = await openFile(how);
    try {
      await refuseForeignLocks(name, file.handle, file.stats, true);
      if (create !== "replace" || file.size === 0) return { name, file, lock };
      await file.handle.truncate(0);
      return { name, file: { ...file, size: 0 }, lock };
    } catch (error) {
      await closeFile(file);
      throw error instanceof BackendError ? error : fsError(name, "truncate to 0 bytes", error);
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openReader(how: OpenFileOptions, lock: boolean): Promise<LockedFile> {
  const { name, path } = how;
  const file = await openFile(how);
  try {
    if (lock) {
      await refuseWhileWritten(name, path);
      await refuseForeignLocks(name, file.handle, file.stats, false);
    }
    return { name, file, lock: undefined };
  } catch (error) {
    await closeFile(file);
    throw error;
  }
}

async function closeFile(file: OpenedFile): Promise<void> {
  await file.directory?.close();
  await file.handle.close();
}

/** The path with every symbolic link resolved, so that a file has one lock by whichever link it is reached. */
async function realPath(name: string, path: string, mayBeMissing: boolean): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || !mayBeMissing) throw fsError(name, "open", error);
  }
  try {
    const real = join(await realpath(dirname(path)), basename(path));
    if (!(await isLink(real))) return real;
  } catch (error) {
    throw fsError(name, "open", error);
  }
  throw new BackendError("ERR_NOT_FOUND", `${name}: is a symbolic link to what does not exist`);
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}
