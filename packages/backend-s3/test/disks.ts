import { afterEach } from "vitest";
import { S3Backend, type S3OpenOptions } from "../src/index.js";
import type { SmallStore } from "./small-store.js";

/** `length` bytes of which no two neighbours are the same; another `seed` gives others. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at + seed) ^ (at >>> 7) ^ Math.imul(at >>> 15, 31);
  return bytes;
}

const opened: S3Backend[] = [];

afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map((backend) => backend.close()));
});

/** Opens an object until the end of the test. Retries follow at once, and every read asks the store. */
export async function open(options: S3OpenOptions): Promise<S3Backend> {
  const backend = await S3Backend.open({ backoff: 0, firstRead: 0, ...options });
  opened.push(backend);
  return backend;
}

/** Opens an object of a small store. */
export function openIn(store: SmallStore, key: string, options?: Partial<S3OpenOptions>): Promise<S3Backend> {
  return open({
    bucket: "bucket",
    key,
    endpoint: store.endpoint,
    credentials: store.account,
    now: Date.now,
    ...options,
  });
}

/** Reads a range. */
export async function readAt(backend: S3Backend, offset: number, length: number): Promise<Uint8Array> {
  const target = new Uint8Array(length);
  await backend.read(target, offset);
  return target;
}
