import { truncate, unlink } from "node:fs/promises";
import type { Backend } from "@instar/backend";
import type { Context } from "./command.js";
import { CliError, oneLine } from "./errors.js";
import { fileFacts, localPath } from "./location.js";
import { imageReferenced } from "./names/image-name.js";
import { openStorage } from "./storage.js";

/** A data file that has been made for a new image. */
export interface NewDataFile {
  readonly backend: Backend;
  /** Leaves nothing of it, once it is closed. Does not throw: there is a failure already that is to be told. */
  readonly abandon: () => Promise<void>;
}

/**
 * Makes the data file of a new image where the image will look for it: beside itself, unless the name is absolute.
 *
 * @param sparse whether it needs the system calls for sparse files
 */
export async function makeDataFile(
  context: Context,
  name: string,
  image: string,
  sparse: boolean,
): Promise<NewDataFile> {
  const imagePath = localPath(image);
  if (imagePath === undefined) throw new CliError(`data_file '${name}': only an image in a local file can have one`);
  const { storage } = await imageReferenced(name, { kind: "file", path: imagePath });
  if (storage.kind !== "file") throw new CliError(`data_file '${name}': only local files can be written`);
  const { path } = storage;
  const own = await fileFacts(imagePath);
  const facts = await fileFacts(path);
  if (facts !== undefined && facts.identity === own?.identity) {
    throw new CliError(`data_file '${name}': is the image itself`);
  }
  const create = facts === undefined ? "new" : "never";
  const backend = await openStorage(path, { write: true, create, sparse, signal: context.signal });
  const abandon = async (): Promise<void> => {
    try {
      await (facts === undefined ? unlink(path) : truncate(path));
    } catch (error) {
      context.warn(`${path}: is incomplete, and could not be removed: ${oneLine(error)}`);
    }
  };
  return { backend, abandon };
}
