import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import type { Backend } from "@instar/backend";
import { CliError } from "./errors.js";
import type { NamedReference } from "./formats/driver.js";
import { fileFacts, type FileIdentity } from "./location.js";

/** What {@link openReference} resolves with. */
export interface OpenedReference {
  /** The file, open. */
  readonly file: Backend;
  /** Its path as the chain of names gives it; what it names in turn is relative to this. */
  readonly path: string;
  readonly identity: FileIdentity;
}

const WORDS = { backing: "backing file", "data-file": "data file", extent: "extent" } as const;

/** A name that an image gives. */
export type Reference = Pick<NamedReference, "kind" | "name">;

/** Whether a file lies in a directory or below it. Both are absolute and free of symbolic links. */
export function isWithin(directory: string, file: string): boolean {
  const way = relative(directory, file);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * The path that an image names, relative names counting from the directory of the image as it was named (as in QEMU).
 *
 * @throws {@link CliError} for `json:` and protocol names.
 */
export function referencePath(reference: Reference, imagePath: string): string {
  const { kind, name } = reference;
  const path = name.startsWith("file:") ? name.slice("file:".length) : name;
  const protocol = /^([^/:]*):/.exec(path)?.[1];
  if (protocol !== undefined) {
    throw new CliError(`${imagePath}: its ${WORDS[kind]} '${name}' is a ${protocol}: name, which is not supported`);
  }
  // Joined as text: taking ".." away would go wrong behind a symbolic link.
  return isAbsolute(path) ? path : imagePath.slice(0, imagePath.lastIndexOf("/") + 1) + path;
}

/**
 * The directories that `--allow-path` and `INSTAR_ALLOW_PATH` (separated by colons) name, free of symbolic links.
 *
 * @throws {@link CliError} for an option that names what does not exist. A variable may: it serves many commands.
 */
export async function allowedDirectories(options: readonly string[], variable = ""): Promise<string[]> {
  const directories: string[] = [];
  for (const option of options) {
    try {
      directories.push(await realpath(option));
    } catch (error) {
      throw new CliError(`--allow-path '${option}': no such directory`, { cause: error });
    }
  }
  for (const name of variable.split(":")) {
    if (name === "") continue;
    const found = await realpath(name).catch(() => undefined);
    if (found !== undefined) directories.push(found);
  }
  return directories;
}

/**
 * Opens a file that an image names, if it is a regular file in the directory of the image, in one of the directories
 * that are allowed, or below one of these. Symbolic links count as what they point to.
 *
 * The file is opened by its path without symbolic links, and looked at again afterwards, so that nobody can put another
 * one in its place between the check and the use.
 *
 * @param imagePath the image that names it
 * @param allowed directories free of symbolic links
 * @param open opens a path
 * @throws {@link CliError} where it is not allowed, naming the file and the option that would allow it.
 */
export async function openReference(
  reference: Reference,
  imagePath: string,
  allowed: readonly string[],
  open: (path: string) => Promise<Backend>,
): Promise<OpenedReference> {
  const what = `${imagePath}: its ${WORDS[reference.kind]} '${reference.name}'`;
  const path = referencePath(reference, imagePath);
  const real = await realpath(path).catch((error: unknown) => {
    throw new CliError(`${what} could not be found at '${path}'`, { cause: error });
  });
  const own = dirname(await realpath(imagePath));
  if (![own, ...allowed].some((directory) => isWithin(directory, real))) {
    const target = real === resolve(path) ? "" : `, which is '${real}',`;
    throw new CliError(`${what}${target} lies outside of '${own}': --allow-path '${dirname(real)}' would allow it`);
  }
  const before = await fileFacts(real);
  if (before?.regular !== true) throw new CliError(`${what} is not a regular file`);
  const file = await open(real);
  try {
    const after = await fileFacts(real);
    if (after?.identity !== before.identity || (await realpath(real)) !== real) {
      throw new CliError(`${what} was replaced while it was being opened`);
    }
    return { file, path, identity: before.identity };
  } catch (error) {
    await file.close();
    throw error;
  }
}
