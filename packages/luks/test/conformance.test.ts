import { MemoryBackend, MemoryPages } from "@instar/backend";
import { type BackendFactory, describeBackend } from "@instar/backend/conformance";
import { describe, it } from "vitest";

import { LuksDisk, type LuksFormatOptions } from "../src/index.js";
import { PASSPHRASE, QUICK } from "./support.js";

function factoryOf(options: Partial<LuksFormatOptions>, write: boolean): BackendFactory {
  return {
    name: `a LUKS disk${write ? "" : ", read-only"}: ${options.cipher}, ${options.mode}`,
    capabilities: {
      write,
      grow: false,
      truncate: write,
      writeZeroes: false,
      discard: false,
      allocate: false,
      extents: false,
      durable: false,
    },
    blockSize: 1024,
    sizeStep: 512,
    async create(contents) {
      const pages = new MemoryPages();
      const disk = await LuksDisk.create(new MemoryBackend({ pages }), {
        ...QUICK,
        ...options,
        size: contents.byteLength,
      });
      await disk.write(contents, 0);
      await disk.close();
      const open = (again: { readonly write: boolean }): Promise<LuksDisk> =>
        LuksDisk.open(new MemoryBackend({ pages }), { ...again, passphrase: PASSPHRASE });
      return { backend: await open({ write }), reopen: open, afterCrash: () => open({ write: false }) };
    },
  };
}

for (const write of [true, false]) {
  describeBackend({ describe, it }, factoryOf({ cipher: "aes-128", mode: "xts" }, write));
}
describeBackend({ describe, it }, factoryOf({ cipher: "cast5-128", mode: "cbc" }, true));
