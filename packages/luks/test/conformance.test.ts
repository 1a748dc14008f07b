import { MemoryBackend, MemoryPages } from "@instar/backend";
import { type BackendFactory, describeBackend } from "@instar/backend/conformance";
import { describe, it } from "vitest";

import { formatLuks, LuksDisk, type LuksFormatOptions } from "../src/index.js";
import { PASSPHRASE, QUICK } from "./support.js";

function factoryOf(options: Partial<LuksFormatOptions>, write: boolean): BackendFactory {
  // Making one takes its time, and every disk may have the same.
  const header = formatLuks({ ...QUICK, ...options }).then(({ bytes }) => bytes);
  return {
    name: `a LUKS disk${write ? "" : ", read-only"}: ${options.cipher}, ${options.mode}`,
    capabilities: { write, truncate: write },
    blockSize: 1024,
    sizeStep: 512,
    async create(contents) {
      const pages = new MemoryPages();
      const file = new MemoryBackend({ pages });
      await file.write(await header, 0);
      await file.truncate(file.size + contents.byteLength);
      const disk = await LuksDisk.open(file, { passphrase: PASSPHRASE, write: true });
      await disk.write(contents, 0);
      await disk.close();
      const open = (again: { readonly write: boolean }): Promise<LuksDisk> =>
        LuksDisk.open(new MemoryBackend({ pages }), { ...again, passphrase: PASSPHRASE });
      return { backend: await open({ write }), reopen: open, afterCrash: () => open({ write: false }) };
    },
  };
}

for (const write of [true, false]) {
  describeBackend({ describe, it }, factoryOf({ cipher: "aes-128", mode: "cbc" }, write));
}
describeBackend({ describe, it }, factoryOf({ cipher: "twofish-128", mode: "ctr" }, true));
