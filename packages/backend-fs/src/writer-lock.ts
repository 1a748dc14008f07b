import { BackendError } from "@instar/backend";

import { fsError } from "./fs-error.js";
import { makeLockFile, newToken, readLockFile, removeFile } from "./lock-file.js";
import { isGone, type LockOwner, thisProcess } from "./lock-owner.js";

/** How often others may come and go between two steps of ours before we call it locked. */
const ATTEMPTS = 20;

/** Where the lock of the file at a path is: beside it. */
function lockPathOf(path: string): string {
  return `${path}.instar-lock`;
}

/** The advisory lock of one writer: a lock file, which others of this package respect. */
export class WriterLock {
  readonly #name: string;
  readonly #path: string;
  readonly #token: string;

  private constructor(name: string, path: string, token: string) {
    this.#name = name;
    this.#path = path;
    this.#token = token;
  }

  /**
   * Takes the lock of the file at a real path, also one that its owner left behind when it ended.
   *
   * @throws {@link BackendError} `ERR_LOCKED` when another has it or may have it, and that of the error when the lock
   * file cannot be made.
   */
  static async take(name: string, path: string): Promise<WriterLock> {
    const lockPath = lockPathOf(path);
    try {
      return await WriterLock.#take(name, lockPath);
    } catch (error) {
      throw error instanceof BackendError ? error : fsError(name, `locking with ${lockPath}`, error);
    }
  }

  static async #take(name: string, path: string): Promise<WriterLock> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const owner = await readLockFile(path);
      if (owner === undefined) {
        const token = newToken();
        if (await makeLockFile(path, { token, ...(await thisProcess()) })) return new WriterLock(name, path, token);
      } else if (owner !== "unknown" && (await isGone(owner))) {
        await WriterLock.#clear(name, path, owner.token);
      } else {
        throw lockedBy(name, path, owner);
      }
    }
    throw new BackendError("ERR_LOCKED", `${name}: others take and leave its lock ${path} without a pause`);
  }

  /**
   * Removes a lock file whose owner is gone. Two that find the same one must not each remove it, for the second would
   * remove what the first has put in its place: only who has a second lock, named after the token that is to go, may
   * remove it, and looks again first. If its owner ends meanwhile, that lock is one like any other, taken over likewise.
   */
  static async #clear(name: string, path: string, token: string): Promise<void> {
    const right = await WriterLock.#take(name, `${path}.${token}`);
    try {
      const owner = await readLockFile(path);
      if (owner !== undefined && owner !== "unknown" && owner.token === token) await removeFile(path);
    } finally {
      await right.release();
    }
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    try {
      // Somebody may have deleted it by hand, and another have taken it since.
      const owner = await readLockFile(this.#path);
      if (owner !== undefined && owner !== "unknown" && owner.token === this.#token) await removeFile(this.#path);
    } catch (error) {
      throw fsError(this.#name, `unlocking with ${this.#path}`, error);
    }
  }
}

/** Throws `ERR_LOCKED` when a writer has the file at a real path. Changes nothing. */
export async function refuseWhileWritten(name: string, path: string): Promise<void> {
  const lockPath = lockPathOf(path);
  const owner = await readLockFile(lockPath);
  if (owner === undefined || (owner !== "unknown" && (await isGone(owner)))) return;
  throw lockedBy(name, lockPath, owner);
}

function lockedBy(name: string, path: string, owner: LockOwner | "unknown"): BackendError {
  const who = owner === "unknown" ? "somebody unnamed" : `process ${owner.pid} on ${owner.host.split(" ")[0]}`;
  const advice = `if that has ended, delete ${path}`;
  return new BackendError("ERR_LOCKED", `${name}: is open for writing by ${who}; ${advice}`);
}
