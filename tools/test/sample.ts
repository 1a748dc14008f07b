import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { onTestFinished } from "vitest";

const repository = resolve(import.meta.dirname, "../..");

/** What a sample consists of: paths below its root, with text or what is to become JSON. */
export type Files = Readonly<Record<string, string | object>>;

/** A workspace in a temporary folder, which goes when the test ends. It has the compiler and its settings. */
export function sample(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), "instar-tools-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
  cpSync(join(repository, "tsconfig.base.json"), join(root, "tsconfig.base.json"));
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  }
  return root;
}

/** A package.json in the scope. */
export function manifest(short: string, fields: object = {}): object {
  const entry = { types: "./dist/index.d.ts", default: "./dist/index.js" };
  return {
    name: `@instar/${short}`,
    version: "1.0.0",
    license: "MIT",
    type: "module",
    exports: { ".": entry },
    ...fields,
  };
}
