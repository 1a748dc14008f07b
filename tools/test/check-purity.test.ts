import { expect, it } from "vitest";
import { checkPurity } from "../check-purity.ts";
import { manifest, sample } from "./sample.ts";

function faultsOf(text: string, short = "backend-fs"): string[] {
  const root = sample({
    [`packages/${short}/package.json`]: manifest(short),
    [`packages/${short}/src/a.ts`]: text,
  });
  return checkPurity(root).map((fault) => fault.replace(`packages/${short}/src/a.ts:1: `, ""));
}

it.each([
  ["process.argv[2]", "uses process.argv"],
  ["process.env", "uses process.env"],
  ["globalThis.process.env", "uses process.env"],
  ["process.stdout", "uses process.stdout"],
  ["console.log", "prints (console.log)"],
  ["Date.now", "reads the clock of the wall (Date.now)"],
  ["new Date()", "reads the clock of the wall (Date)"],
  ["Date()", "reads the clock of the wall (Date)"],
])("finds %s below the command line, and not in it", (expression, fault) => {
  expect(faultsOf(`export const x: unknown = ${expression};`)).toEqual([fault]);
  expect(faultsOf(`export const x: unknown = ${expression};`, "cli")).toEqual([]);
});

it.each([
  ["const { env } = process; export { env };", "takes fields of process apart"],
  [`import { env } from "node:process"; export { env };`, "uses process.env"],
  [`import p from "node:process"; export { p };`, "imports node:process under another name"],
  [`import * as p from "process"; export { p };`, "imports node:process under another name"],
])("finds the other ways to process: %s", (text, fault) => {
  expect(faultsOf(text)).toEqual([fault]);
});

it("leaves alone what only looks like it", () => {
  expect(faultsOf("export const x = [process.platform, new Date(0), performance.now()]; // console.log")).toEqual([]);
  expect(faultsOf("export const f = (my: { env: string }) => my.env;")).toEqual([]);
});

it.each(["backend", "lru-cache", "block-cache", "qcow2"])("finds built-in modules of Node in %s", (short) => {
  const fault = `imports node:fs outside of the files behind a "node" condition of imports`;
  expect(faultsOf(`import "node:fs";`, short)).toEqual([fault]);
  expect(faultsOf(`import "fs/promises";`, short)).toEqual([fault.replace("node:fs", "fs/promises")]);
});

it("allows built-in modules in an entry that only Node can load", () => {
  const entry = { types: "./dist/fs.d.ts", node: "./dist/fs.js" };
  const root = sample({
    "packages/qcow2/package.json": manifest("qcow2", { exports: { "./fs": entry } }),
    "packages/qcow2/src/fs.ts": `import "node:fs";`,
    "packages/qcow2/src/a.ts": `import "./fs.js";`,
  });
  expect(checkPurity(root)).toEqual([
    "packages/qcow2/src/a.ts:1: imports ./fs.js by path; it stands behind a condition of imports",
  ]);
});

it("allows built-in modules behind a condition, as long as nobody goes round it", () => {
  const zlib = { types: "./dist/zlib-node.d.ts", node: "./dist/zlib-node.js", default: "./dist/zlib-web.js" };
  const root = sample({
    "packages/qcow2/package.json": manifest("qcow2", { imports: { "#zlib": zlib } }),
    "packages/qcow2/src/zlib-node.ts": `import "node:zlib";`,
    "packages/qcow2/src/zlib-web.ts": `import "node:stream";`,
    "packages/qcow2/src/a.ts": `import "#zlib";`,
    "packages/qcow2/src/b.ts": `import "./zlib-node.js";`,
  });
  expect(checkPurity(root)).toEqual([
    "packages/qcow2/src/b.ts:1: imports ./zlib-node.js by path; it stands behind a condition of imports",
    `packages/qcow2/src/zlib-web.ts:1: imports node:stream outside of the files behind a "node" condition of imports`,
  ]);
});
