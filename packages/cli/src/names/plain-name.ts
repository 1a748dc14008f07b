import { fileURLToPath } from "node:url";
import { CliError } from "../errors.js";
import { hasProtocol } from "../protocols/protocols.js";
import type { StorageSpec } from "./image-spec.js";

/**
 * Where a name that is no description leads: a path, `file:path` as QEMU writes it, a `file://` URL, or a URL of another
 * protocol.
 *
 * @throws {@link CliError} for URLs of protocols that are not known
 */
export function storageNamed(name: string): StorageSpec {
  if (/^file:\/\//i.test(name)) return { kind: "file", path: pathOf(name) };
  if (name.startsWith("file:")) return { kind: "file", path: name.slice("file:".length) };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(name)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: "file", path: name };
  if (hasProtocol(scheme)) return { kind: "url", url: name, options: new Map() };
  throw new CliError(`protocol '${scheme}:' is not supported`);
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new CliError(`'${url}' names no local file`, { cause: error });
  }
}
