import { readFile } from "node:fs/promises";
import { type Backend, isBackendError } from "@instar/backend";
import { parseS3Url, S3Backend, type S3Credentials } from "@instar/backend-s3";
import { CliError, oneLine, UsageError } from "../errors.js";
import { parseSize } from "../sizes.js";
import { openSpillFile } from "../spill-file.js";
import { type Protocol, REQUEST_BYTES } from "./protocol.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens an object, `s3://BUCKET/KEY?endpoint=URL&region=REGION`. Credentials, and what the URL does not say, are in the
 * environment, by the names that AWS tools have for it.
 */
export const openS3: Protocol = async (
  location,
  { write, create, firstRead, connections, options },
  { host, signal },
) => {
  for (const name of options.keys()) {
    if (name !== "readahead") throw new UsageError(`${name}: s3 has no such option, or it is not supported`);
  }
  const { env } = host;
  const credentials = credentialsIn(env);
  const opening = S3Backend.open({
    endpoint: env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || undefined,
    region: env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || undefined,
    ...parseS3Url(location),
    credentials,
    ca: await authoritiesIn(env),
    now: () => host.date().getTime(),
    spill: (): Promise<Backend> => openSpillFile(env["TMPDIR"]),
    write,
    ...(create && { create: "replace" }),
    firstRead,
    connections,
    splitSize: REQUEST_BYTES,
    signal,
  });
  const backend = await (credentials ? opening : opening.catch(asAnonymous));
  const readAhead = options.get("readahead");
  return {
    backend,
    counters: backend.counters,
    readAhead: readAhead === undefined ? undefined : parseSize(readAhead, "readahead"),
    abandon: () => backend.abandon(),
  };
};

/** The certificates to trust instead of the usual ones. */
async function authoritiesIn(env: Environment): Promise<string | undefined> {
  const path = env["AWS_CA_BUNDLE"];
  if (!path) return undefined;
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new CliError(`AWS_CA_BUNDLE: ${oneLine(cause)}`, { cause });
  });
}

/** Whoever has credentials elsewhere does not know that nobody looked for them there. */
function asAnonymous(error: unknown): never {
  if (!isBackendError(error, "ERR_PERMISSION")) throw error;
  throw new CliError(`${error.message} (asked without credentials: AWS_ACCESS_KEY_ID is not set)`, { cause: error });
}

/** Without an access key everything is asked for anonymously. */
function credentialsIn(env: Environment): S3Credentials | undefined {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  if (!accessKeyId) return undefined;
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"] ?? "";
  return { accessKeyId, secretAccessKey, sessionToken: env["AWS_SESSION_TOKEN"] || undefined };
}
