import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Backend, type Capabilities, MemoryBackend, MemoryPages } from "@instar/backend";
import { type BackendFactory, describeBackend } from "@instar/backend/conformance";
import { FsBackend } from "@instar/backend-fs";
import { describe, it } from "vitest";
import { BlockCache, type BlockCacheOptions } from "../src/index.js";
import { RecordingBackend } from "./recording-backend.js";
import { seed } from "./bytes.js";

const configurations: Record<string, BlockCacheOptions & { readonly blockSize: number }> = {
  "the default": { blockSize: 65_536 },
  "blocks of 512, one of them": { blockSize: 512, bytes: 512 },
  "blocks of 512, two of them, transfers of one": { blockSize: 512, bytes: 1024, maxTransfer: 512, parallel: 1 },
  "blocks of 4096, eight of them, reading ahead": { blockSize: 4096, bytes: 8 * 4096, readAhead: 2 * 4096 },
  "blocks of 1024 without direct reads, reading ahead": {
    blockSize: 1024,
    bytes: 64 * 1024,
    readAhead: 65_536,
    directRead: Infinity,
  },
  "blocks of 65536, two of them": { blockSize: 65_536, bytes: 131_072 },
  "blocks of 4096, dropped before a sync": { blockSize: 4096, bytes: 3 * 4096, dropUnsynced: true },
};

/** Caches over memory, with what `manifest` denies taken away. */
function overMemory(name: string, options: BlockCacheOptions, manifest: Partial<Capabilities> = {}): BackendFactory {
  return {
    name: `a block cache with ${name}, over memory`,
    capabilities: { ...new MemoryBackend().capabilities, allocate: false, ...manifest },
    blockSize: options.blockSize ?? 65_536,
    async create(contents) {
      const pages = new MemoryPages();
      pages.write(contents, 0);
      const open = (readOnly: boolean): Backend => new MemoryBackend({ pages, readOnly });
      const below = manifest.write === false ? open(true) : new RecordingBackend(open(false), manifest);
      const reopened = {
        ...manifest,
        grow: false,
        truncate: false,
        writeZeroes: false,
        discard: false,
        allocate: false,
      };
      return {
        backend: new BlockCache(below, options),
        reopen: async ({ write }) =>
          new BlockCache(write ? new RecordingBackend(open(false), manifest) : open(true), options),
        afterCrash: async () => new RecordingBackend(open(true), { ...reopened, write: false }),
      };
    },
  };
}

async function overFile(): Promise<BackendFactory> {
  const probe = await mkdtemp(join(tmpdir(), "instar-block-cache-"));
  const opened = await FsBackend.open(join(probe, "probe"), { write: true, create: "new" });
  await opened.close();
  await rm(probe, { recursive: true });
  return {
    name: "a block cache over a file",
    capabilities: opened.capabilities,
    blockSize: 4096,
    async create(contents) {
      const folder = await mkdtemp(join(tmpdir(), "instar-block-cache-"));
      const path = join(folder, "file");
      await writeFile(path, contents);
      const options = { blockSize: 4096, bytes: 4 * 4096, readAhead: 4096 };
      const open = async (write: boolean): Promise<Backend> =>
        new BlockCache(await FsBackend.open(path, { write }), options);
      return {
        backend: await open(true),
        reopen: ({ write }) => open(write),
        afterCrash: () => FsBackend.open(path, { lock: false }),
        dispose: () => rm(folder, { recursive: true }),
      };
    },
  };
}

const runner = { describe, it };
for (const [name, options] of Object.entries(configurations)) {
  describeBackend(runner, overMemory(name, options), { seed });
}

const tiny = { blockSize: 512, bytes: 2048 };
const none = { write: false, grow: false, truncate: false, writeZeroes: false, discard: false, allocate: false };
describeBackend(runner, overMemory("a fixed size", tiny, { grow: false, truncate: false }), { seed });
describeBackend(runner, overMemory("nothing but reads and writes", tiny, { ...none, write: true, extents: false }), {
  seed,
});
describeBackend(runner, overMemory("growing alone", tiny, { ...none, write: true, grow: true }), { seed });
describeBackend(runner, overMemory("nothing to write", tiny, none), { seed });
describeBackend(runner, await overFile(), { seed });

const inner = { blockSize: 1024, bytes: 3072 };
describeBackend(
  runner,
  {
    name: "a block cache over a block cache",
    capabilities: { ...new MemoryBackend().capabilities, allocate: false },
    blockSize: 2048,
    async create(contents) {
      const pages = new MemoryPages();
      pages.write(contents, 0);
      const below = new BlockCache(new MemoryBackend({ pages }), inner);
      return {
        backend: new BlockCache(below, { blockSize: 2048, bytes: 6144 }),
        reopen: async ({ write }) => new MemoryBackend({ pages, readOnly: !write }),
        afterCrash: async () => new MemoryBackend({ pages, readOnly: true }),
      };
    },
  },
  { seed },
);
