import { type BackendFactory, describeBackend } from "@instar/backend/conformance";
import { type Capabilities, MemoryPages } from "@instar/backend";
import { describe, it } from "vitest";

import { Qcow2Image, type Qcow2CreateOptions } from "../../src/index.js";
import { seed } from "../interop/random.js";
import { encryptionOf, memoryFile, plainDisk, TINY } from "./support.js";

type Configuration = Omit<Qcow2CreateOptions, "size" | "backing" | "backingBackend" | "dataFile"> & {
  /** Whether the contents are in another file, and what that is. */
  readonly dataFile?: "mapped" | "raw";
  /** The contents come from a backing image, wholly or but for the end. */
  readonly backed?: "whole" | "short";
  readonly write: boolean;
};

const K = 1024;
const configurations: readonly Configuration[] = [
  { write: true },
  { write: false },
  { write: true, version: 2 },
  { write: true, clusterSize: 512, refcountBits: 1, caches: TINY },
  { write: true, clusterSize: 4 * K, refcountBits: 64, caches: TINY },
  { write: true, clusterSize: 4 * K, backed: "whole", caches: TINY },
  { write: true, clusterSize: 64 * K, backed: "short" },
  { write: true, version: 2, clusterSize: 4 * K, backed: "whole" },
  { write: false, clusterSize: 4 * K, backed: "short" },
  { write: true, clusterSize: 2048 * K },
  { write: true, clusterSize: 64 * K, extendedL2: true, backed: "short", caches: TINY },
  { write: true, clusterSize: 4 * K, encryption: encryptionOf("secret"), backed: "short", caches: TINY },
  { write: true, clusterSize: 4 * K, dataFile: "mapped", backed: "short", caches: TINY },
  { write: true, clusterSize: 4 * K, dataFile: "raw" },
];

function factoryOf(configuration: Configuration): BackendFactory {
  const { write, backed, dataFile, ...options } = configuration;
  const { version = 3, clusterSize = 64 * K, refcountBits = 16, caches } = options;
  const capabilities: Capabilities = {
    write,
    grow: false,
    truncate: write,
    writeZeroes: write,
    discard: write,
    allocate: false,
    extents: true,
    durable: false,
  };
  const name = [
    `version ${version}, clusters of ${clusterSize}, refcounts of ${refcountBits} bits`,
    options.extendedL2 && "extended L2 entries",
    options.encryption && "encrypted",
    dataFile && `contents in a ${dataFile} data file`,
    caches && "tiny caches",
    backed && `over a ${backed === "whole" ? "" : "shorter "}backing image`,
    !write && "read-only",
  ]
    .filter(Boolean)
    .join(", ");
  return {
    name,
    capabilities,
    blockSize: options.extendedL2 ? clusterSize / 32 : Math.min(clusterSize, 64 * K),
    async create(contents) {
      const pages = new MemoryPages();
      const inBacking = backed === undefined ? 0 : contents.byteLength - (backed === "short" ? 1000 : 0);
      const below = contents.subarray(0, inBacking);
      const backing = () => (backed === undefined ? Promise.resolve(undefined) : plainDisk(below));
      const dataPages = new MemoryPages();
      const image = await Qcow2Image.create(memoryFile(pages), {
        ...options,
        dataFile: dataFile && { name: "data", raw: dataFile === "raw", backend: memoryFile(dataPages) },
        size: contents.byteLength,
        ...(backed && { backing: { name: "base", format: "raw" } }),
        backingBackend: await backing(),
      });
      if (inBacking < contents.byteLength) await image.write(contents.subarray(inBacking), inBacking);
      await image.close();
      const open = async (again: { readonly write: boolean }) =>
        Qcow2Image.open(memoryFile(pages), {
          ...again,
          caches,
          backing: await backing(),
          dataFile: dataFile && memoryFile(dataPages),
          encryption: options.encryption,
        });
      return { backend: await open({ write }), reopen: open, afterCrash: () => open({ write: false }) };
    },
  };
}

for (const configuration of configurations) {
  const options = { seed, steps: configuration.clusterSize === 2048 * K ? 60 : 300 };
  describeBackend({ describe, it: (name, body) => it(name, body, 30_000) }, factoryOf(configuration), options);
}
