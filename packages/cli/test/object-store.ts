import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { S3Backend, type S3OpenOptions } from "@instar/backend-s3";
import { afterAll } from "vitest";

/** A bucket, and how commands get at it. */
export interface ObjectStore {
  /** Environment variables of commands. */
  readonly env: Record<string, string>;
  /** The `s3:` URL of an object. */
  url(key: string): string;
  upload(key: string, path: string): Promise<void>;
  /** Fetches an object as any tool does. */
  download(key: string, path: string): Promise<void>;
  exists(key: string): Promise<boolean>;
}

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A bucket in the store that S3_ENDPOINT names, or in one that runs within the test. */
export async function objectStore(): Promise<ObjectStore> {
  const { S3_ENDPOINT, AWS_ACCESS_KEY_ID = "key", AWS_SECRET_ACCESS_KEY = "secret" } = process.env;
  const endpoint = S3_ENDPOINT ?? (await startEmbedded());
  const bucket = `instar-cli-${randomBytes(6).toString("hex")}`;
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY };
  const options = (key: string): S3OpenOptions => ({ bucket, key, endpoint, credentials, now: Date.now });
  await makeBucket(endpoint, bucket, credentials);
  return {
    env: { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY },
    url: (key) => `s3://${bucket}/${key}?endpoint=${endpoint}`,
    async upload(key, path) {
      const disk = await S3Backend.open({ ...options(key), write: true, create: "replace" });
      await disk.write(readFileSync(path), 0);
      await disk.close();
    },
    async download(key, path) {
      const disk = await S3Backend.open(options(key));
      const bytes = new Uint8Array(disk.size);
      await disk.read(bytes, 0);
      await disk.close();
      writeFileSync(path, bytes);
    },
    async exists(key) {
      const disk = await S3Backend.open(options(key)).catch(() => undefined);
      await disk?.close();
      return disk !== undefined;
    },
  };
}

/** The SDK can do what a backend has no need for. */
async function makeBucket(endpoint: string, bucket: string, credentials: Keys): Promise<void> {
  const client = new S3Client({ endpoint, credentials, region: "us-east-1", forcePathStyle: true });
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } finally {
    client.destroy();
  }
}

async function startEmbedded(): Promise<string> {
  const { buildApp } = await import("fauxqs");
  const app = buildApp({ logger: false });
  afterAll(() => app.close());
  return app.listen({ port: 0, host: "127.0.0.1" });
}
