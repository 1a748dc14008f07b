import { errnoOf } from "./fs-error.js";

/**
 * The system calls for sparse files, which Node has not got. With them a file has `extents`, `discard`, `writeZeroes` and
 * `allocate`; see {@link linuxSparseCalls}. A call that fails rejects with an error whose `code` is the errno, such
 * as `ENOSPC`.
 */
export interface SparseCalls {
  /** The first byte of data from `offset` on, in bytes; `undefined` where none comes. `lseek` with `SEEK_DATA`. */
  seekData(fd: number, offset: number): Promise<number | undefined>;
  /** The first byte of a hole from `offset` on, in bytes; the end of the file is one. `lseek` with `SEEK_HOLE`. */
  seekHole(fd: number, offset: number): Promise<number>;
  /** Frees a range, which reads as zeroes then; the size stays. `fallocate` with `FALLOC_FL_PUNCH_HOLE`. */
  punchHole(fd: number, offset: number, length: number): Promise<void>;
  /** Sets space aside for a range; a file that ends before grows by zeroes. `fallocate` without flags. */
  allocate(fd: number, offset: number, length: number): Promise<void>;
}

/** Where there are none. */
export const noSparseCalls: SparseCalls = {
  seekData: () => Promise.reject(notThere()),
  seekHole: () => Promise.reject(notThere()),
  punchHole: () => Promise.reject(notThere()),
  allocate: () => Promise.reject(notThere()),
};

function notThere(): Error {
  return Object.assign(new Error("ENOSYS: no calls for sparse files were handed in"), { code: "ENOSYS" });
}

/** What the calls can do for one file: that depends on its file system. */
export interface SparseSupport {
  readonly extents: boolean;
  /** Also stands for `allocate`, which cannot be tried without a trace: both are calls of `fallocate`. */
  readonly punch: boolean;
}

/** Tries out the calls on an open file of `size` bytes, and changes nothing that it holds. */
export async function sparseSupport(
  calls: SparseCalls,
  fd: number,
  size: number,
  write: boolean,
): Promise<SparseSupport> {
  const [extents, punch] = await Promise.all([canSeek(calls, fd), write && canPunch(calls, fd, size)]);
  return { extents, punch };
}

async function canSeek(calls: SparseCalls, fd: number): Promise<boolean> {
  try {
    await calls.seekHole(fd, 0);
    return true;
  } catch (error) {
    // An empty file has no byte, and no hole.
    return errnoOf(error) === "ENXIO";
  }
}

async function canPunch(calls: SparseCalls, fd: number, size: number): Promise<boolean> {
  try {
    // Beyond the end there is nothing to free; where no holes can be punched it fails all the same.
    await calls.punchHole(fd, size, 4096);
    return true;
  } catch {
    return false;
  }
}
