import { expect, it } from "vitest";
import { checkLayers } from "../check-layers.ts";
import { type Files, manifest, sample } from "./sample.ts";

const house: Files = {
  "packages/backend/package.json": manifest("backend"),
  "packages/lru-cache/package.json": manifest("lru-cache"),
  "packages/qcow2/package.json": manifest("qcow2", { dependencies: { "@instar/backend": "workspace:^" } }),
  "bench/package.json": manifest("bench", { private: true }),
};

function faultsOf(files: Files): string[] {
  return checkLayers(sample({ ...house, ...files }));
}

it("is content with imports that point down", () => {
  const good = `import { a } from "@instar/backend/conformance";\nimport "node:fs";\nimport "./b.js";\nimport "#c";`;
  expect(faultsOf({ "packages/qcow2/src/a.ts": good })).toEqual([]);
});

it.each([
  ["an import declaration", `import { x } from "@instar/qcow2";`],
  ["a type import", `import type { x } from "@instar/qcow2";`],
  ["an import type", `export type X = import("@instar/qcow2").X;`],
  ["a re-export", `export { x } from "@instar/qcow2/deep";`],
  ["a star export", `export * from "@instar/qcow2";`],
  ["a dynamic import", `export const x = import("@instar/qcow2");`],
  ["a dynamic import of a template", "export const x = import(`@instar/qcow2`);"],
  ["import.meta.resolve", `export const x = import.meta.resolve("@instar/qcow2");`],
  ["require", `export const x = require("@instar/qcow2");`],
  ["an augmentation", `declare module "@instar/qcow2" {}`],
  ["a reference", `/// <reference types="@instar/qcow2" />`],
])("finds what points upwards: %s", (_, text) => {
  const where = "packages/backend/src/a.ts:2: imports @instar/qcow2 upwards";
  expect(faultsOf({ "packages/backend/src/a.ts": `// first line\n${text}\n` })).toEqual([where]);
});

it("finds what points sideways", () => {
  const files = { "packages/backend/src/a.ts": `import "@instar/lru-cache";` };
  expect(faultsOf(files)).toEqual(["packages/backend/src/a.ts:1: imports @instar/lru-cache sideways"]);
});

it.each(["dependencies", "peerDependencies", "optionalDependencies"])("examines %s", (field) => {
  const files = { "packages/backend/package.json": manifest("backend", { [field]: { "@instar/qcow2": "*" } }) };
  expect(faultsOf(files)).toEqual([`packages/backend/package.json: ${field}: imports @instar/qcow2 upwards`]);
});

it("finds imports of private packages", () => {
  const files = { "packages/qcow2/src/a.ts": `import "@instar/bench";` };
  expect(faultsOf(files)).toEqual(["packages/qcow2/src/a.ts:1: imports @instar/bench, which is private"]);
});

it("lets private packages look at everything", () => {
  expect(faultsOf({ "bench/src/a.ts": `import "@instar/qcow2"; import "../../packages/backend/src/x.js";` })).toEqual(
    [],
  );
});

it("lets tests import any package by name, and none by path", () => {
  const test = `import "@instar/qcow2";\nimport "../src/a.js";\nimport "../../qcow2/src/a.js";`;
  const fault = "packages/backend/test/a.test.ts:3: imports ../../qcow2/src/a.js, by path out of its package";
  expect(faultsOf({ "packages/backend/test/a.test.ts": test })).toEqual([fault]);
});

it("finds imports of what is not a dependency", () => {
  const files = { "packages/qcow2/src/a.ts": `import "@instar/lru-cache";\nimport "async-mutex/deep";` };
  expect(faultsOf(files)).toEqual([
    "packages/qcow2/src/a.ts:1: imports @instar/lru-cache, which is not among its dependencies",
    "packages/qcow2/src/a.ts:2: imports async-mutex, which is not among its dependencies",
  ]);
});

it("finds computed imports", () => {
  const files = { "packages/qcow2/src/a.ts": "export const load = (name: string) => import(name);" };
  const fault = "packages/qcow2/src/a.ts:1: imports a module by a computed name, which no rule can examine";
  expect(faultsOf(files)).toEqual([fault]);
});

it("finds packages that stand in no row", () => {
  const files = { "packages/new/package.json": manifest("new") };
  expect(faultsOf(files)).toEqual(["packages/new: stands in no row of tools/layers.ts"]);
});
