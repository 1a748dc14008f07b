import { afterEach } from "vitest";
import { HttpBackend, type HttpOpenOptions } from "../src/index.js";

/** `length` bytes that differ from place to place. */
export function pattern(length: number, from = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    const at = from + index;
    bytes[index] = at ^ (at >>> 8) ^ (at >>> 16);
  }
  return bytes;
}

/** Options under which a test does not wait, since retries follow at once, and every read asks the server. */
const hasty: HttpOpenOptions = { backoff: 0, firstRead: 0 };

const opened: HttpBackend[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
});

/** Opens a URL until the end of the test. */
export async function open(url: string, options?: HttpOpenOptions): Promise<HttpBackend> {
  const backend = await HttpBackend.open(url, { ...hasty, ...options });
  opened.push(backend);
  return backend;
}

/** Reads a range. */
export async function readAt(
  backend: HttpBackend,
  offset: number,
  length: number,
  options?: { readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const target = new Uint8Array(length);
  await backend.read(target, offset, options);
  return target;
}
