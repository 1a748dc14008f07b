import { describe, it } from "node:test";
import { MemoryBackend, MemoryPages } from "@instar/backend";
import { describeBackend } from "@instar/backend/conformance";

describeBackend(
  { describe, it },
  {
    name: process.env["KIT_FAULT"] === "deaf" ? "memory that ignores truncate" : "memory",
    capabilities: new MemoryBackend().capabilities,
    async create(contents) {
      const pages = new MemoryPages();
      const backend = new MemoryBackend({ pages });
      await backend.write(contents, 0);
      if (process.env["KIT_FAULT"] === "deaf") backend.truncate = async () => {};
      return { backend, reopen: async ({ write }) => new MemoryBackend({ pages, readOnly: !write }) };
    },
  },
);
