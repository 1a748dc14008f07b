import { randomBytes } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import type { S3Conditions, S3Location, S3Options } from "../src/index.js";
import { probeConditions } from "../src/probe-conditions.js";
import { S3Store } from "../src/store.js";

/**
 * A bucket in the store that S3_ENDPOINT names (with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or in one that runs
 * within the test where none is named. The latter looks at no signature and honours no condition of a change.
 */
export class RealBucket {
  readonly bucket: string = `instar-test-${randomBytes(6).toString("hex")}`;
  options: S3Options & { readonly endpoint: string } = { endpoint: "" };
  #keys = 0;
  #conditions: Promise<S3Conditions> | undefined;

  /** An object that does not exist yet. */
  fresh(): S3Location & S3Options {
    return { ...this.options, bucket: this.bucket, key: `disks/disk ${++this.#keys}.img` };
  }

  /** What the store honours, found out once. */
  conditions(): Promise<S3Conditions> {
    this.#conditions ??= request(this.fresh(), (store) => probeConditions(store, "test"));
    return this.#conditions;
  }

  /** Makes an object. */
  async put(body: Uint8Array, location: S3Location & S3Options = this.fresh()): Promise<S3Location & S3Options> {
    await request(location, (store) =>
      store.ask({ method: "PUT", path: store.address.path(), headers: { "content-type": "text/plain" }, body }),
    );
    return location;
  }
}

async function request<T>(location: S3Location & S3Options, run: (store: S3Store) => Promise<T>): Promise<T> {
  const store = new S3Store(location, location);
  try {
    return await run(store);
  } finally {
    await store.close();
  }
}

/** A bucket for the tests of a file. */
export function realBucket(): RealBucket {
  const found = new RealBucket();
  let stop = async (): Promise<void> => undefined;
  beforeAll(async () => {
    const endpoint = process.env["S3_ENDPOINT"];
    const accessKeyId = process.env["AWS_ACCESS_KEY_ID"] ?? "key";
    const secretAccessKey = process.env["AWS_SECRET_ACCESS_KEY"] ?? "secret";
    const credentials = { accessKeyId, secretAccessKey };
    if (endpoint !== undefined) found.options = { endpoint, credentials };
    else {
      const embedded = await startEmbedded();
      stop = embedded.stop;
      found.options = { endpoint: embedded.endpoint, credentials };
    }
    const made = { ...found.options, bucket: found.bucket, key: "x" };
    const { status } = await request(made, (store) =>
      store.ask({ method: "PUT", path: store.address.bucketPath, headers: {} }),
    );
    if (status !== 200) throw new Error(`the store answers ${status} to the creation of a bucket`);
  });
  afterAll(() => stop());
  return found;
}

async function startEmbedded(): Promise<{ readonly endpoint: string; readonly stop: () => Promise<void> }> {
  const { buildApp } = await import("fauxqs");
  const app = buildApp({ logger: false });
  const endpoint = await app.listen({ port: 0, host: "127.0.0.1" });
  return { endpoint, stop: () => app.close() };
}
