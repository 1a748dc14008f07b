import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import type { Backend } from "@instar/backend";
import { CliError } from "./errors.js";
import { fileFacts, type FileIdentity } from "./location.js";

/** What {@link openNamedFile} resolves with. */
export interface OpenedReference {
  /** The file, open. */
  readonly file: Backend;
  readonly identity: FileIdentity;
}

/** A local file that an image names. */
export interface NamedFile {
  /** How messages begin. */
  readonly what: string;
  /** Where the name leads. */
  readonly path: string;
  /** The image that names it, where it is a local file itself. */
  readonly imagePath: string | undefined;
}

/** Whether a file lies in a directory or below it. Both are absolute and free of symbolic links. */
export function isWithin(directory: string, file: string): boolean {
  const way = relative(directory, file);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
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
 * that are allowed, or below one of these. Symbolic links count as what they point to. An image that is no local file has
 * no directory of its own.
 *
 * The file is opened by its path without symbolic links, and looked at again afterwards, so that nobody can put another
 * one in its place between the check and the use.
 *
 * @param allowed directories free of symbolic links
 * @param open opens a path
 * @throws {@link CliError} where it is not allowed, naming the file and the option that would allow it.
 */
export async function openNamedFile(
  { what, path, imagePath }: NamedFile,
  allowed: readonly string[],
  open: (path: string) => Promise<Backend>,
): Promise<OpenedReference> {
  const own = imagePath === undefined ? [] : [dirname(await realpath(imagePath))];
  const real = await realpath(path).catch((error: unknown) => {
    throw new CliError(`${what} could not be found at '${path}'`, { cause: error });
  });
  if (![...own, ...allowed].some((directory) => isWithin(directory, real))) {
    const target = real === resolve(path) ? "" : `, which is '${real}',`;
    const place = own.length === 0 ? "is a local file" : `lies outside of '${own.join()}'`;
    throw new CliError(`${what}${target} ${place}: --allow-path '${dirname(real)}' would allow it`);
  }
  const before = await fileFacts(real);
  if (before?.regular !== true) throw new CliError(`${what} is not a regular file`);
  const file = await open(real);
  try {
    const after = await fileFacts(real);
    if (after?.identity !== before.identity || (await realpath(real)) !== real) {
      throw new CliError(`${what} was replaced while it was being opened`);
    }
    return { file, identity: before.identity };
  } catch (error) {
    await file.close();
    throw error;
  }
}
