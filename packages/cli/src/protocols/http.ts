import { HttpBackend } from "@instar/backend-http";
import { CliError, UsageError } from "../errors.js";
import { parseSize } from "../sizes.js";
import { type Protocol, REQUEST_BYTES } from "./protocol.js";

const OPTIONS: readonly string[] = ["cookie", "cookie-secret", "password-secret", "readahead", "timeout", "username"];

/** Opens what a server has at a URL, read-only, with the options of QEMU's curl driver. */
export const openHttp: Protocol = async (location, { write, firstRead, connections, options }, { access, signal }) => {
  if (write) throw new CliError("by HTTP it can only be read");
  for (const name of options.keys()) {
    if (!OPTIONS.includes(name)) throw new UsageError(`${name}: http has no such option, or it is not supported`);
  }
  const secretOf = async (name: string): Promise<string | undefined> => {
    const id = options.get(name);
    return id === undefined ? undefined : Buffer.from(await access.secrets.read(id)).toString();
  };
  const cookie = (await secretOf("cookie-secret")) ?? options.get("cookie");
  const [username, password] = [options.get("username"), await secretOf("password-secret")];
  const timeout = options.get("timeout");
  const readAhead = options.get("readahead");
  const backend = await HttpBackend.open(withUser(location, username, password), {
    signal,
    firstRead,
    connections,
    splitSize: REQUEST_BYTES,
    ...(cookie !== undefined && { headers: { cookie } }),
    ...(timeout !== undefined && { stallTimeout: secondsOf(timeout) * 1000 }),
  });
  const { counters } = backend;
  return { backend, counters, readAhead: readAhead === undefined ? undefined : parseSize(readAhead, "readahead") };
};

function withUser(location: string, username: string | undefined, password: string | undefined): string {
  if ((username === undefined && password === undefined) || !URL.canParse(location)) return location;
  const url = new URL(location);
  if (username !== undefined) url.username = encodeURIComponent(username);
  if (password !== undefined) url.password = encodeURIComponent(password);
  return url.href;
}

function secondsOf(text: string): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : NaN;
  if (seconds >= 1 && seconds <= 10_000) return seconds;
  throw new UsageError(`timeout '${text}': must be a whole number of seconds from 1 to 10000`);
}
