import { type Capabilities, MemoryBackend, MemoryPages } from "@instar/backend";
import { BlockCache, type BlockCacheOptions } from "../src/index.js";
import { pattern } from "./bytes.js";
import { type Call, RecordingBackend } from "./recording-backend.js";

/** A cache in blocks of 512 (unless said otherwise) over a backend that remembers its calls. */
export interface Setup {
  readonly cache: BlockCache;
  readonly below: RecordingBackend;
  readonly pages: MemoryPages;
  /** What the backend began with; no byte of it is 0. */
  readonly contents: Uint8Array;
  /** What the backend holds now. */
  readonly stored: () => Uint8Array;
}

export function setUp(size: number, options: BlockCacheOptions = {}, manifest: Partial<Capabilities> = {}): Setup {
  const contents = pattern(size, size);
  const pages = new MemoryPages();
  pages.write(contents, 0);
  const below = new RecordingBackend(new MemoryBackend({ pages }), manifest);
  const cache = new BlockCache(below, { blockSize: 512, bytes: 64 * 512, ...options });
  const stored = (): Uint8Array => {
    const bytes = new Uint8Array(pages.size);
    pages.read(bytes, 0);
    return bytes;
  };
  return { cache, below, pages, contents, stored };
}

/** Holds calls of one method until `open` is called. */
export function holdCalls(below: RecordingBackend, method: Call["method"]): { open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  below.before = (call) => (call.method === method ? promise : undefined);
  return { open: resolve };
}

/** Makes calls fail for which `fails` holds. */
export function failCalls(below: RecordingBackend, error: Error, fails: (call: Call) => boolean): void {
  below.before = (call) => {
    if (fails(call)) throw error;
  };
}

/** Lets everything happen that waits for no I/O. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
