import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend } from "@instar/backend";
import { FsBackend } from "@instar/backend-fs";

/** A file for what memory has no room for. It is gone with its `close`, and, but for an empty folder, with the program. */
export async function openSpillFile(directory: string = tmpdir()): Promise<Backend> {
  const folder = await mkdtemp(join(directory, "instar-"));
  const path = join(folder, "spill");
  const file = await FsBackend.open(path, { write: true, create: "new" });
  await rm(path);
  const close = file.close.bind(file);
  file.close = async () => {
    await close();
    await rm(folder, { recursive: true, force: true });
  };
  return file;
}
