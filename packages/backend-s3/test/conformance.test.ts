import { MemoryBackend } from "@instar/backend";
import { type BackendFactory, describeBackend } from "@instar/backend/conformance";
import { describe, it } from "vitest";
import { S3Backend, type S3WriteOptions } from "../src/index.js";
import { realBucket } from "./real-store.js";

const bucket = realBucket();
const seed = process.env["INSTAR_SEED"] === undefined ? undefined : Number(process.env["INSTAR_SEED"]);

const objects: BackendFactory = {
  name: "an object",
  capabilities: {},
  async create(contents) {
    const location = await bucket.put(contents);
    const open = (): Promise<S3Backend> => S3Backend.open(location);
    return { backend: await open(), reopen: open };
  },
};

const writable = { write: true, grow: true, truncate: true, writeZeroes: true, durable: true };

function writableObjects(name: string, how: S3WriteOptions): BackendFactory {
  return {
    name,
    capabilities: writable,
    async create(contents) {
      const location = { ...(await bucket.put(contents)), ...how, conditions: await bucket.conditions() };
      const open = (write: boolean): Promise<S3Backend> => S3Backend.open({ ...location, write });
      return { backend: await open(true), reopen: ({ write }) => open(write), afterCrash: () => open(false) };
    },
  };
}

const spilling = { memory: 3000, spill: async () => new MemoryBackend() };

describeBackend({ describe, it }, objects, { seed });
describeBackend({ describe, it }, writableObjects("an object that is written to", {}), { seed });
describeBackend({ describe, it }, writableObjects("one whose changes spill", spilling), { seed });
