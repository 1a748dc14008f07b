import { type BigIntStats } from "node:fs";
import { type FileHandle, readFile } from "node:fs/promises";

import { BackendError } from "@instar/backend";

import { deviceNumbers } from "./device-size.js";

// QEMU (docs: system/images, "image locking") locks the byte 100 + N shared while it uses permission N of an image, and
// 200 + N while it bears nobody else who does. The kernel joins locks of neighbouring bytes into one.
const READS = 100;
const WRITES = 101;
const RESIZES = 103;
const FORBIDS = 100;
const FIRST = 100;
const LAST = 299;

interface KernelLock {
  /** `MAJOR:MINOR:INODE` */
  readonly inode: string;
  readonly exclusive: boolean;
  readonly pid: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Refuses a file that a virtual machine monitor is using, as far as Linux' list of locks tells; on other systems it does
 * nothing. This only looks: who locks a moment later is not noticed, and does not notice us.
 *
 * A reader is refused beside a writer; a writer also beside a reader that wants no writer. Locks of `flock(2)` do not
 * count: they are how a script keeps a file for the very command it runs.
 *
 * @throws {@link BackendError} `ERR_LOCKED`.
 */
export async function refuseForeignLocks(
  name: string,
  handle: FileHandle,
  stats: BigIntStats,
  write: boolean,
): Promise<void> {
  const refused = [WRITES, RESIZES, READS + FORBIDS];
  if (write) refused.push(WRITES + FORBIDS, RESIZES + FORBIDS);
  const conflicts = ({ exclusive, start, end }: KernelLock): boolean =>
    exclusive || (isQemus(start, end) && refused.some((byte) => start <= byte && byte <= end));
  const locks = [...locksOf(await textOf("/proc/locks"))].filter(conflicts);
  // Which inode it is takes two more files to find out.
  if (locks.length === 0) return;
  const inode = await inodeOf(handle, stats);
  const lock = locks.find((one) => one.inode === inode);
  if (!lock) return;
  const who = lock.pid > 0 ? `process ${lock.pid}` : "another process";
  const what = isQemus(lock.start, lock.end) ? "is in use by QEMU" : "is locked exclusively";
  throw new BackendError("ERR_LOCKED", `${name}: ${what} (${who}, as /proc/locks shows)`);
}

function isQemus(start: number, end: number): boolean {
  return start >= FIRST && end <= LAST;
}

/** The locks in a table as in proc_locks(5). */
function* locksOf(table: string): Generator<KernelLock> {
  for (const line of table.split("\n")) {
    // 1: OFDLCK ADVISORY  READ -1 fe:00:2146404 100 101
    const [, kind, , mode, pid, where, start, end] = line.trim().split(/\s+/);
    // A line that begins with an arrow is of one who still waits.
    if ((kind !== "OFDLCK" && kind !== "POSIX") || where === undefined) continue;
    const [major, minor, number] = where.split(":");
    const inode = `${parseInt(major ?? "", 16)}:${parseInt(minor ?? "", 16)}:${number}`;
    const last = end === "EOF" ? Infinity : Number(end);
    yield { inode, exclusive: mode === "WRITE", pid: Number(pid), start: Number(start), end: last };
  }
}

/**
 * The inode as the list of locks has it: with the device of the whole file system, which on btrfs and overlays is not
 * the one that `stat` tells.
 */
async function inodeOf(handle: FileHandle, stats: BigIntStats): Promise<string> {
  const info = await textOf(`/proc/self/fdinfo/${handle.fd}`);
  const mount = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
  const number = /^ino:\s*(\d+)$/m.exec(info)?.[1] ?? stats.ino.toString();
  const mounts = mount === undefined ? "" : await textOf("/proc/self/mountinfo");
  const line = mounts.split("\n").find((text) => text.startsWith(`${mount} `));
  return `${line?.split(" ")[2] ?? deviceNumbers(stats.dev)}:${number}`;
}

async function textOf(path: string): Promise<string> {
  return readFile(path, "latin1").catch(() => "");
}
