import { setImmediate } from "node:timers/promises";
import { getSystemErrorMap } from "node:util";

import { BackendError } from "@instar/backend";

import { errnoOf } from "./fs-error.js";
import { type SparseCalls } from "./sparse-calls.js";

/** What is needed of the package `koffi`, version 2 or 3, which calls functions of the C library. */
export interface Koffi {
  load(library: null): { func(prototype: string): KoffiFunction };
  errno(): number;
}

/** A C function, which runs at once; `async` runs it on a thread of its own and ends with a callback. */
export interface KoffiFunction {
  (...args: readonly unknown[]): unknown;
  readonly async: (...args: readonly unknown[]) => unknown;
}

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const KEEP_SIZE_AND_PUNCH_HOLE = 0x01 | 0x02;

/** So many seeks may follow each other before others get their turn. */
const SEEKS_IN_A_ROW = 64;

/** Where `off_t` has 64 bits under its plain name. */
const WIDE: readonly string[] = ["x64", "arm64", "riscv64", "loong64", "ppc64", "s390x"];

/**
 * The calls for sparse files on 64-bit Linux, made with the package `koffi`, which the caller imports and hands in.
 *
 * A seek runs at once: it takes a microsecond, and to hand it to a thread takes fifty times as long.
 *
 * @throws {@link BackendError} `ERR_UNSUPPORTED` on another system, or where its C library lacks them.
 */
export function linuxSparseCalls(koffi: Koffi): SparseCalls {
  if (process.platform !== "linux" || !WIDE.includes(process.arch)) {
    const here = `${process.platform} ${process.arch}`;
    throw new BackendError("ERR_UNSUPPORTED", `calls for sparse files are known for 64-bit Linux, and not for ${here}`);
  }
  const { lseek, fallocate } = load(koffi);
  let seeks = 0;
  const seek = async (fd: number, offset: number, whence: number): Promise<number> => {
    if (++seeks % SEEKS_IN_A_ROW === 0) await setImmediate();
    return callAtOnce(koffi, lseek, "lseek", [fd, offset, whence]);
  };
  return {
    async seekData(fd, offset) {
      try {
        return await seek(fd, offset, SEEK_DATA);
      } catch (error) {
        if (errnoOf(error) === "ENXIO") return undefined;
        throw error;
      }
    },
    seekHole(fd, offset) {
      return seek(fd, offset, SEEK_HOLE);
    },
    async punchHole(fd, offset, length) {
      await call(koffi, fallocate, "fallocate", [fd, KEEP_SIZE_AND_PUNCH_HOLE, offset, length]);
    },
    async allocate(fd, offset, length) {
      await call(koffi, fallocate, "fallocate", [fd, 0, offset, length]);
    },
  };
}

function load(koffi: Koffi): { lseek: KoffiFunction; fallocate: KoffiFunction } {
  try {
    const libc = koffi.load(null);
    return {
      lseek: libc.func("int64_t lseek(int fd, int64_t offset, int whence)"),
      fallocate: libc.func("int fallocate(int fd, int mode, int64_t offset, int64_t length)"),
    };
  } catch (cause) {
    throw new BackendError("ERR_UNSUPPORTED", "the C library lacks lseek or fallocate", { cause });
  }
}

function callAtOnce(koffi: Koffi, run: KoffiFunction, name: string, args: readonly number[]): number {
  for (;;) {
    const result = Number(run(...args));
    if (result >= 0) return result;
    const failure = systemError(koffi.errno(), name);
    if (failure.code !== "EINTR") throw failure;
  }
}

function call(koffi: Koffi, run: KoffiFunction, name: string, args: readonly number[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const attempt = (): void => {
      run.async(...args, (error: unknown, result: unknown) => {
        if (error !== null && error !== undefined) return reject(error);
        if (Number(result) >= 0) return resolve(Number(result));
        const failure = systemError(koffi.errno(), name);
        if (failure.code === "EINTR") attempt();
        else reject(failure);
      });
    };
    attempt();
  });
}

function systemError(errno: number, name: string): Error & { code: string } {
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, "unknown error"];
  return Object.assign(new Error(`${code}: ${text}, ${name}`), { code });
}
