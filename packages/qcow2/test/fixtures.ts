import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import type { MemoryBackend } from "@instar/backend";

import { memoryOf } from "./format-support.js";

export { definitions, guestContent } from "./fixtures/definitions.js";

const directory = join(import.meta.dirname, "fixtures");

/** The bytes of a fixture's image file. */
export function fixtureBytes(name: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(join(directory, `${name}.qcow2.gz`))));
}

/** A fixture's image file in memory; its name is `NAME.qcow2`, which is what an image above it says. */
export function fixtureFile(name: string): Promise<MemoryBackend> {
  return memoryOf(fixtureBytes(name), `${name}.qcow2`);
}

/** What `qemu-img check --output=json` said of each fixture that opens, by the name of the fixture. */
export function qemuVerdicts(): ReadonlyMap<string, Record<string, unknown>> {
  const parsed: unknown = JSON.parse(readFileSync(join(directory, "qemu-check.json"), "utf8"));
  if (!Array.isArray(parsed)) throw new Error("qemu-check.json is not a list");
  const verdicts = parsed.map((verdict: Record<string, unknown>) => verdict);
  return new Map(verdicts.map((verdict) => [String(verdict["filename"]).replace(".qcow2", ""), verdict]));
}
