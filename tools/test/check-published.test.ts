import { expect, it } from "vitest";
import { checkPublished } from "../check-published.ts";
import { run } from "../lib/run.ts";
import { manifest, sample } from "./sample.ts";

const noPnpm = !run("pnpm", ["--version"], { cwd: import.meta.dirname }).ok;

const good = {
  "packages/backend/package.json": manifest("backend"),
  "packages/backend/README.md": "# backend\n",
  "packages/backend/LICENSE": "MIT\n",
  "packages/backend/src/index.ts": "export const a = 1;\n",
  "packages/backend/dist/index.d.ts": "export declare const a = 1;\n",
  "packages/backend/dist/index.js": "export const a = 1;\n",
};

it.skipIf(noPnpm)("is content with a sound package", async () => {
  expect(await checkPublished(sample(good))).toEqual([]);
});

it.skipIf(noPnpm)("finds files that are missing, and targets that are not there", async () => {
  const { "packages/backend/README.md": _, "packages/backend/dist/index.d.ts": __, ...rest } = good;
  const faults = await checkPublished(sample(rest));
  expect(faults[0]).toBe("packages/backend: what is published lacks README.md");
  expect(faults[1]).toBe("packages/backend: package.json names ./dist/index.d.ts, which is not in what is published");
  expect(faults[2]).toMatch(/^packages\/backend: publint: error: .*index\.d\.ts/);
});

it.skipIf(noPnpm)("finds targets of imports and bin that are missing", async () => {
  const fields = { imports: { "#zlib": { node: "./dist/a.js", default: "./dist/b.js" } }, bin: { x: "./bin/x.js" } };
  const faults = await checkPublished(
    sample({ ...good, "packages/backend/package.json": manifest("backend", fields) }),
  );
  for (const path of ["./dist/a.js", "./dist/b.js", "./bin/x.js"]) {
    expect(faults).toContain(`packages/backend: package.json names ${path}, which is not in what is published`);
  }
});

it.skipIf(noPnpm)("finds build output without a source", async () => {
  const files = { ...good, "packages/backend/dist/old.js": "export const b = 1;\n" };
  expect(await checkPublished(sample(files))).toEqual([
    "packages/backend: dist/old.js has no source (remove dist, and build)",
  ]);
});

it.skipIf(noPnpm)("finds types that do not resolve", async () => {
  const types = { "packages/backend/dist/index.d.ts": `export * from "./other";\n` };
  const [only] = await checkPublished(sample({ ...good, ...types }));
  expect(only).toMatch(/^packages\/backend: attw: .*InternalResolutionError/s);
});

it.skipIf(noPnpm)("finds ranges that only the workspace understands", async () => {
  const dependencies = { "async-mutex": "file:../mutex" };
  const faults = await checkPublished(
    sample({ ...good, "packages/backend/package.json": manifest("backend", { dependencies }) }),
  );
  expect(faults.join("\n")).toContain("what is published depends on async-mutex at file:../mutex");
});
