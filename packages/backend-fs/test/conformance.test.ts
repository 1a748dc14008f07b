import { type Capabilities } from "@instar/backend";
import { type BackendFactory, describeBackend } from "@instar/backend/conformance";
import { describe, it } from "vitest";
import { FsBackend, type FsOptions } from "../src/index.js";
import { needsKoffi, sparseCalls } from "./koffi.js";
import { tempDirectory } from "./temp.js";

const file = await tempDirectory();
const runner = { describe, it };
const options = { seed: process.env["INSTAR_SEED"] === undefined ? undefined : Number(process.env["INSTAR_SEED"]) };

const plain = { write: true, grow: true, truncate: true, durable: true };

function files(name: string, capabilities: Partial<Capabilities>, how: FsOptions): BackendFactory {
  return {
    name,
    capabilities,
    async create(contents) {
      const path = await file("disk.img", contents);
      const open = (write: boolean, lock = true): Promise<FsBackend> => FsBackend.open(path, { write, lock, ...how });
      return {
        backend: await open(capabilities.write === true),
        reopen: ({ write }) => open(write),
        afterCrash: () => open(false, false),
      };
    },
  };
}

describeBackend(runner, files("a file", plain, {}), options);

const readOnly = { ...plain, write: false, grow: false, truncate: false };
describeBackend(runner, files("a file that is only read", readOnly, {}), options);

describe.skipIf(!sparseCalls)(`with calls for sparse files${needsKoffi}`, () => {
  const all = { ...plain, writeZeroes: true, discard: true, allocate: true, extents: true };
  const how = { sparse: sparseCalls };
  describeBackend(runner, files("a sparse file", all, how), options);
  describeBackend(runner, files("a sparse file that is only read", { ...readOnly, extents: true }, how), options);
});
