import { isAbsolute } from "node:path";
import { CliError } from "../errors.js";
import { hasProtocol } from "../protocols/protocols.js";
import { type ImageSpec, localPathOf, type StorageSpec } from "./image-spec.js";
import { storageNamed } from "./plain-name.js";

/**
 * What the user means by the name of an image: a description in JSON, or where it is.
 *
 * @throws {@link CliError} for what cannot be understood
 */
export async function imageNamed(name: string): Promise<ImageSpec> {
  if (!name.startsWith("json:")) return { storage: storageNamed(name) };
  const { imageFromJson } = await import("./described-image.js");
  return imageFromJson(name.slice("json:".length));
}

/**
 * What an image means by a name. Relative names count from the directory of the image, as it was named, or from its URL;
 * those within a `json:` name from the directory that the program runs in (all as in QEMU).
 *
 * @param base where the image is
 * @throws {@link CliError} for names of protocols that are not known
 */
export async function imageReferenced(name: string, base: StorageSpec): Promise<ImageSpec> {
  if (!name.startsWith("json:")) return { storage: storageReferenced(name, base) };
  const spec = await imageNamed(name);
  refuseSecrets(spec);
  return spec;
}

/** An image must not have a secret of the user sent to where the image says. */
function refuseSecrets({ storage, dataFile, backing }: ImageSpec): void {
  for (const part of [storage, dataFile]) {
    for (const option of part === undefined ? [] : optionsOf(part)) {
      if (option.endsWith("-secret")) throw new CliError(`it has ${option}, which only the user may say`);
    }
  }
  if (backing) refuseSecrets(backing);
}

function optionsOf(storage: StorageSpec): readonly string[] {
  if (storage.kind === "part") return optionsOf(storage.whole);
  return storage.kind === "url" ? [...storage.options.keys()] : [];
}

/** {@link imageReferenced} for a name that is no description. */
export function storageReferenced(name: string, base: StorageSpec): StorageSpec {
  const path = name.startsWith("file:") ? name.slice("file:".length) : name;
  const protocol = /^([^/:]*):/.exec(path)?.[1];
  if (protocol !== undefined) {
    if (path === name && hasProtocol(protocol.toLowerCase())) return { kind: "url", url: name, options: new Map() };
    throw new CliError(`it is a ${protocol}: name, which is not supported`);
  }
  if (isAbsolute(path)) return { kind: "file", path };
  const basePath = localPathOf(base);
  // Joined as text: taking ".." away would go wrong behind a symbolic link.
  if (basePath !== undefined) return { kind: "file", path: basePath.slice(0, basePath.lastIndexOf("/") + 1) + path };
  const { url, options } = urlOf(base);
  const resolved = new URL(path, url);
  // That of an object says where its store is.
  if (resolved.protocol === "s3:" && resolved.search === "") resolved.search = new URL(url).search;
  // What opens the one, opens the other: a cookie, a password. It is not for other servers.
  const own = resolved.origin === new URL(url).origin;
  return { kind: "url", url: resolved.href, options: own ? options : new Map() };
}

function urlOf(storage: StorageSpec): Extract<StorageSpec, { kind: "url" }> {
  if (storage.kind === "part") return urlOf(storage.whole);
  if (storage.kind === "url") return storage;
  throw new CliError(`'${storage.path}' is no URL`);
}
