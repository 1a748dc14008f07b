import { S3Backend } from "@instar/backend-s3";
import type { Reader } from "../http/readers.js";
import { credentials, objectAt } from "./sdk-reader.js";

/** What this project does: signed, with the version pinned. */
export async function s3Reader(url: string): Promise<Reader> {
  const backend = await S3Backend.open({ ...objectAt(url), credentials, now: Date.now });
  return {
    name: "**@instar/backend-s3**",
    read: (target, offset) => backend.read(target, offset),
    close: () => backend.close(),
  };
}
