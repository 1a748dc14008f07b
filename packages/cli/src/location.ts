import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CliError } from "./errors.js";

/**
 * The path of what names a local file: a path, `file:path` as QEMU writes it, or a `file://` URL. `undefined` for URLs
 * of other schemes.
 *
 * @throws {@link CliError} for `json:` names.
 */
export function localPath(location: string): string | undefined {
  if (location.startsWith("json:")) throw new CliError(`'${location}': json: names are not supported`);
  if (/^file:\/\//i.test(location)) return fileURLToPath(location);
  if (location.startsWith("file:")) return location.slice("file:".length);
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(location) ? undefined : location;
}

/** What tells one file from another whatever its path: device and inode. */
export type FileIdentity = `${bigint}:${bigint}`;

/** What is known of a file without opening it. */
export interface FileFacts {
  readonly identity: FileIdentity;
  readonly regular: boolean;
  /** Bytes it takes on its file system. */
  readonly allocated: number;
}

/** Looks at a file, following symbolic links. `undefined` where there is none. */
export async function fileFacts(path: string): Promise<FileFacts | undefined> {
  try {
    // Inode numbers of some file systems need all 64 bits.
    const stats = await stat(path, { bigint: true });
    return {
      identity: `${stats.dev}:${stats.ino}`,
      regular: stats.isFile(),
      allocated: Number(stats.blocks) * 512,
    };
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) {
      return undefined;
    }
    throw error;
  }
}
