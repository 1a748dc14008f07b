import { describe, it } from "vitest";
import { describeBackend } from "../src/conformance/index.js";
import { MemoryBackend, MemoryPages } from "../src/index.js";
import { memoryFactory } from "./memory-factory.js";
import { PlainBackend } from "./plain-backend.js";

const runner = { describe, it };
const options = { seed: process.env["INSTAR_SEED"] === undefined ? undefined : Number(process.env["INSTAR_SEED"]) };
const { capabilities } = new MemoryBackend();
const readOnly = new MemoryBackend({ readOnly: true }).capabilities;

describeBackend(runner, memoryFactory("memory in blocks of its page size", { blockSize: 65_536 }), options);
describeBackend(runner, memoryFactory("memory in small blocks"), options);
describeBackend(runner, memoryFactory("memory in sizes of 512", { blockSize: 1024, sizeStep: 512 }), options);

describeBackend(
  runner,
  {
    name: "read-only memory",
    capabilities: readOnly,
    async create(contents) {
      const pages = new MemoryPages();
      pages.write(contents, 0);
      return { backend: new MemoryBackend({ pages, readOnly: true }) };
    },
  },
  options,
);

const nothing = { ...readOnly, extents: false };
const manifests = {
  "a plain fixed-size disk": { ...nothing, write: true, durable: false },
  "a plain file that grows": { ...nothing, write: true, grow: true, durable: true },
  "a plain disk with extents and writeZeroes": { ...capabilities, grow: false, truncate: false, discard: false },
  "plain bytes that are only read": { ...nothing, durable: true },
};
for (const [name, manifest] of Object.entries(manifests)) {
  describeBackend(
    runner,
    {
      name,
      capabilities: manifest,
      async create(contents) {
        const store = { bytes: contents };
        const open = async (write: boolean): Promise<PlainBackend> =>
          new PlainBackend(store, write ? manifest : { ...nothing, durable: manifest.durable });
        return {
          backend: new PlainBackend(store, manifest),
          reopen: ({ write }) => open(write),
          afterCrash: () => open(false),
        };
      },
    },
    options,
  );
}
