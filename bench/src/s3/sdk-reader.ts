import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Reader } from "../http/readers.js";

/** Where the object of a URL with path style is. */
export function objectAt(url: string): { readonly endpoint: string; readonly bucket: string; readonly key: string } {
  const { origin, pathname } = new URL(url);
  const [, bucket = "", ...key] = pathname.split("/");
  return { endpoint: origin, bucket, key: key.join("/") };
}

/** Anybody's: the server of a bench looks at no signature. */
export const credentials = { accessKeyId: "key", secretAccessKey: "secret" } as const;

/** The AWS SDK, and a copy of what it gives. */
export function sdkReader(url: string): Reader {
  const { endpoint, bucket, key } = objectAt(url);
  const client = new S3Client({ endpoint, credentials, region: "us-east-1", forcePathStyle: true });
  return {
    name: "@aws-sdk/client-s3",
    async read(target, offset) {
      const Range = `bytes=${offset}-${offset + target.byteLength - 1}`;
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range }));
      if (!Body) throw new Error("no body");
      target.set(await Body.transformToByteArray());
    },
    close: async () => client.destroy(),
  };
}
