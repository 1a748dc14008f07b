import type { BackendPlugin } from "@instar/backend";
import type { S3Options, S3WriteOptions } from "./options.js";
import { S3Backend } from "./s3-backend.js";
import { parseS3Url } from "./s3-url.js";

/** The plugin for `s3://BUCKET/KEY?endpoint=URL&region=REGION`. What the URL says goes before the options. */
export function s3Plugin(options: S3Options & S3WriteOptions = {}): BackendPlugin {
  return {
    name: "s3",
    schemes: ["s3"],
    open: async (location, how) => S3Backend.open({ ...how, ...options, ...parseS3Url(location) }),
  };
}
