import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { NbdTlsOptions } from "@instar/nbd";
import type { Arguments } from "./args.js";
import { CliError, oneLine, UsageError } from "./errors.js";

/** What `serve` has for TLS, by the names of nbdkit. */
export const TLS_OPTIONS = {
  tls: { value: "MODE", help: "require (the default with certificates) TLS, or leave it to clients: on" },
  "tls-certificates": { value: "DIR", help: "where server-cert.pem and server-key.pem are" },
  "tls-verify-peer": { help: "want a certificate of clients, signed by one of ca-cert.pem in that directory" },
} as const;

/**
 * What is said of TLS; `undefined` where nothing is.
 *
 * @throws {@link UsageError} for what contradicts itself; {@link CliError} for files that cannot be read.
 */
export async function tlsOf(args: Arguments<keyof typeof TLS_OPTIONS>): Promise<NbdTlsOptions | undefined> {
  const [mode, directory, verifies] = [args.value("tls"), args.value("tls-certificates"), args.has("tls-verify-peer")];
  if (directory === undefined) {
    if (mode === "off" || (mode === undefined && !verifies)) return undefined;
    throw new UsageError("TLS needs --tls-certificates=DIR");
  }
  if (mode !== undefined && !["on", "off", "require"].includes(mode)) {
    throw new UsageError(`--tls '${mode}': must be on, off or require`);
  }
  if (mode === "off") throw new UsageError("--tls=off cannot go with --tls-certificates");
  const pem = (name: string): Promise<Buffer> =>
    readFile(join(directory, name)).catch((cause: unknown) => {
      throw new CliError(`--tls-certificates: ${oneLine(cause)}`, { cause });
    });
  return {
    cert: await pem("server-cert.pem"),
    key: await pem("server-key.pem"),
    ca: verifies ? await pem("ca-cert.pem") : undefined,
    optional: mode === "on",
  };
}
