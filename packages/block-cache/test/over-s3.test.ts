import { randomBytes } from "node:crypto";
import type { Capabilities } from "@instar/backend";
import { type BackendFactory, describeBackend } from "@instar/backend/conformance";
import { S3Backend, type S3OpenOptions } from "@instar/backend-s3";
import { buildApp } from "fauxqs";
import { afterAll, describe, it } from "vitest";
import { BlockCache } from "../src/index.js";

const store = buildApp({ logger: false });
const endpoint = await store.listen({ port: 0, host: "127.0.0.1" });
const bucket = `bucket-${randomBytes(6).toString("hex")}`;
await fetch(`${endpoint}/${bucket}`, { method: "PUT" });
afterAll(() => store.close());

const seed = process.env["INSTAR_SEED"] === undefined ? undefined : Number(process.env["INSTAR_SEED"]);
const blockSize = 4096;
let keys = 0;

const writable = { write: true, grow: true, truncate: true, writeZeroes: true, durable: true };

function cachedObjects(name: string, capabilities: Partial<Capabilities>): BackendFactory {
  return {
    name,
    capabilities,
    blockSize,
    async create(contents) {
      const key = `disk-${++keys}`;
      await fetch(`${endpoint}/${bucket}/${key}`, { method: "PUT", body: new Uint8Array(contents) });
      const options: S3OpenOptions = { bucket, key, endpoint, conditions: { put: "none", complete: false } };
      const plain = (): Promise<S3Backend> => S3Backend.open(options);
      const cached = async (write: boolean): Promise<BlockCache> =>
        new BlockCache(await S3Backend.open({ ...options, write }), { blockSize, bytes: 8 * blockSize });
      return {
        backend: await cached(capabilities.write === true),
        reopen: ({ write }) => cached(write),
        afterCrash: plain,
      };
    },
  };
}

describeBackend({ describe, it }, cachedObjects("a cache over an object", {}), { seed });
describeBackend({ describe, it }, cachedObjects("a cache over an object that is written to", writable), { seed });
