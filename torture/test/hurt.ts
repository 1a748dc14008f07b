import type { Backend } from "@instar/backend";

import type { Base } from "../src/hostile/base.ts";
import { mutantOf } from "../src/hostile/mutant.ts";
import type { CrashFile } from "../src/storage/crash-file.ts";

/** The image with other numbers: `[offset, bytes, value]`. */
export function hurt(from: Base, ...patches: readonly (readonly [number, 1 | 2 | 4 | 8, bigint])[]): CrashFile {
  const littleEndian = from.format !== "qcow2" && from.format !== "vhd";
  const places = patches.map(([offset, width, value]) => ({ place: { name: "", offset, width, littleEndian }, value }));
  return mutantOf(from, places).file;
}

/** What opening fails with. */
export async function codeOf(opening: Promise<Backend>): Promise<unknown> {
  try {
    await opening;
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
  return "opened";
}
