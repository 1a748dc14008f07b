import { AsyncLruCache, type CacheOptions, isCacheError } from "../../src/index.js";
import { type Cell, Disk } from "./disk.js";

/** A cache of cells over a disk of its own. */
export interface Rig {
  readonly cache: AsyncLruCache<string, Cell>;
  readonly disk: Disk;
  /** Modifies entries as a holder does: acquires, modifies, marks dirty, releases. */
  readonly write: (text: string, ...keys: string[]) => Promise<void>;
  /** Uses entries: acquires and releases. */
  readonly touch: (...keys: string[]) => Promise<void>;
}

/** Makes a rig; disks that share a log show the order of writes between them. */
export function rig(options: Partial<CacheOptions<string, Cell>> = {}, log?: string[]): Rig {
  const disk = new Disk(options.name ?? "cache", log);
  const cache = new AsyncLruCache<string, Cell>({ limit: 100, io: disk.io, ...options });
  return {
    cache,
    disk,
    write: (text, ...keys) => write(cache, text, ...keys),
    async touch(...keys) {
      for (const key of keys) (await cache.acquire(key)).release();
    },
  };
}

/** Rigs that share a log. */
export function rigs<Name extends string>(...names: Name[]): Record<Name, Rig> & { readonly log: string[] } {
  const log: string[] = [];
  const made = Object.fromEntries(names.map((name) => [name, rig({ name }, log)])) as Record<Name, Rig>;
  return { ...made, log };
}

async function write(cache: AsyncLruCache<string, Cell>, text: string, ...keys: string[]): Promise<void> {
  for (const key of keys) {
    const lease = await cache.acquire(key);
    lease.value.text = text;
    lease.markDirty();
    lease.release();
  }
}

/** Lets everything happen that needs no I/O to end. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** What has become of a promise once everything is quiet. */
export async function outcome(promise: Promise<unknown>): Promise<"fulfilled" | "rejected" | "waiting"> {
  let state: "fulfilled" | "rejected" | "waiting" = "waiting";
  promise.then(
    () => (state = "fulfilled"),
    () => (state = "rejected"),
  );
  await quiet();
  return state;
}

/** The code of the error that a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await failureOf(promise);
  return isCacheError(error) ? error.code : String(error);
}

/** What a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}
