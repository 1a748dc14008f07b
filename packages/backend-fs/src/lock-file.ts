import { constants } from "node:fs";
import { link, open, unlink } from "node:fs/promises";

import { errnoOf } from "./fs-error.js";
import { type LockOwner } from "./lock-owner.js";

/** More than any lock file holds. */
const LIMIT = 4096;

/** A new token for {@link LockOwner}. It has to be unique, but is no secret: loading node:crypto would take longer than locking. */
export function newToken(): string {
  const half = (): string =>
    Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return half() + half();
}

/** The owner that a lock file names; `"unknown"` when it names none, `undefined` when there is no lock file. */
export async function readLockFile(path: string): Promise<LockOwner | "unknown" | undefined> {
  try {
    // Whatever else has this name must not make us wait.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(LIMIT), 0, LIMIT, 0);
      return ownerIn(new TextDecoder().decode(buffer.subarray(0, bytesRead)));
    } finally {
      await handle.close();
    }
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? undefined : "unknown";
  }
}

function ownerIn(text: string): LockOwner | "unknown" {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "unknown";
  }
  if (typeof value !== "object" || value === null) return "unknown";
  const { token, pid, started, host, boot } = value as Partial<Record<keyof LockOwner, unknown>>;
  if (typeof token !== "string" || !/^[0-9a-f]{16}$/.test(token)) return "unknown";
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return "unknown";
  if (typeof started !== "string" || typeof host !== "string" || typeof boot !== "string") return "unknown";
  return { token, pid, started, host, boot };
}

/** Makes a lock file, in one step with all that it says. Resolves to `false` when there is one already. */
export async function makeLockFile(path: string, owner: LockOwner): Promise<boolean> {
  const content = `${JSON.stringify(owner)}\n`;
  const draft = `${path}.${owner.token}.new`;
  try {
    await writeNew(draft, content);
    try {
      await link(draft, path);
      return true;
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return false;
      if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errnoOf(error))) throw error;
    }
  } finally {
    await removeFile(draft);
  }
  // A file system without hard links (FAT, some shares). Who is stopped right here leaves an empty lock file, which
  // has to be deleted by hand.
  try {
    await writeNew(path, content);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    await removeFile(path);
    throw error;
  }
}

/** Removes a file that may be gone already. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/** Synced, for a lock must still name its owner after a power cut: that is when it has to be taken over. */
async function writeNew(path: string, content: string): Promise<void> {
  const handle = await open(path, "wx", 0o644);
  try {
    await handle.writeFile(content);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
