import type { Capabilities } from "@instar/backend";
import { type BackendFactory, describeBackend } from "@instar/backend/conformance";
import { describe, it } from "vitest";
import { S3Backend } from "../src/index.js";
import { realBucket } from "./real-store.js";

const bucket = realBucket();
const seed = process.env["INSTAR_SEED"] === undefined ? undefined : Number(process.env["INSTAR_SEED"]);

const readOnly: Capabilities = {
  write: false,
  grow: false,
  truncate: false,
  writeZeroes: false,
  discard: false,
  extents: false,
  durable: false,
};

const objects: BackendFactory = {
  name: "an object",
  capabilities: readOnly,
  async create(contents) {
    const location = await bucket.put(contents);
    const open = (): Promise<S3Backend> => S3Backend.open(location);
    return { backend: await open(), reopen: open };
  },
};

describeBackend({ describe, it }, objects, { seed });
