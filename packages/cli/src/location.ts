import { stat } from "node:fs/promises";
import { CliError } from "./errors.js";
import { localPathOf } from "./names/image-spec.js";
import { storageNamed } from "./names/plain-name.js";

/**
 * The path of what names a local file: a path, `file:path` as QEMU writes it, or a `file://` URL. `undefined` for URLs
 * of other protocols.
 *
 * @throws {@link CliError} for descriptions, and for URLs that no file has
 */
export function localPath(location: string): string | undefined {
  if (location.startsWith("json:")) throw new CliError(`'${location}': a json: name cannot stand here`);
  return localPathOf(storageNamed(location));
}

/** What tells one file from another whatever its path: device and inode; or one URL from another. */
export type FileIdentity = `${bigint}:${bigint}` | `url:${string}`;

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
