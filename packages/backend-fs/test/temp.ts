import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A directory of the test file, removed at its end. Gives fresh paths in it. */
export async function tempDirectory(): Promise<(name: string, contents?: Uint8Array | string) => Promise<string>> {
  const directory = await mkdtemp(join(tmpdir(), "instar-fs-"));
  afterAll(() => rm(directory, { recursive: true, force: true }));
  let count = 0;
  return async (name, contents) => {
    const path = join(directory, `${count++}-${name}`);
    if (contents !== undefined) await writeFile(path, contents);
    return path;
  };
}

/** `length` bytes, none of them 0, that differ from place to place. */
export function pattern(length: number, from = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => ((from + index * 7) % 255) + 1);
}
