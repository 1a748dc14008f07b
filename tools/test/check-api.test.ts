import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkApi, updateApi } from "../check-api.ts";
import { type Files, manifest, sample } from "./sample.ts";

const built: Files = {
  "packages/backend/package.json": manifest("backend"),
  "packages/backend/dist/index.d.ts": `
    export { open as openIt, type Options } from "./open.js";
    export * from "./more.js";
    export type { Mutex } from "async-mutex";
    //# sourceMappingURL=index.d.ts.map`,
  "packages/backend/dist/open.d.ts": `
import { Mutex as Lock } from "async-mutex";
import type { Hidden } from "./hidden.js";
/** Opens it. */
export declare function open(path: string /* a path */, options?: Options): Hidden;
export declare function open(path: URL): Lock;
/** Options. */
export interface Options {
  /** Writable. */
  readonly write?: boolean;
}
export interface Unreachable {}`,
  "packages/backend/dist/hidden.d.ts": `export type Hidden = {\n  readonly a: 1;\n} | 2;`,
  "packages/backend/dist/more.d.ts": `export declare const limit = 3;`,
};

const report = `export { Mutex } from "async-mutex";
import { Mutex as Lock } from "async-mutex";

declare type Hidden = {
  readonly a: 1;
} | 2;

export interface Options {
  readonly write?: boolean;
}

export const limit = 3;

declare function open(path: string , options?: Options): Hidden;
declare function open(path: URL): Lock;
export { open as openIt };
`;

it("reports what can be reached from an entry, by name, without comments", () => {
  const root = sample(built);
  updateApi(root);
  expect(readFileSync(join(root, "packages/backend/api/index.d.ts"), "utf8")).toBe(report);
  expect(checkApi(root)).toEqual([]);
});

it("stays the same when only comments, order or files change", () => {
  const root = sample({
    ...built,
    "packages/backend/dist/index.d.ts": `
      export declare const limit = 3;
      export type { Mutex } from "async-mutex";
      export { type Options, open as openIt } from "./open.js";`,
    "packages/backend/api/index.d.ts": report,
  });
  expect(checkApi(root)).toEqual([]);
});

it("fails with the difference when the API changes", () => {
  const root = sample({ ...built, "packages/backend/api/index.d.ts": report });
  writeFileSync(join(root, "packages/backend/dist/more.d.ts"), "export declare const limit = 4;");
  expect(checkApi(root)).toEqual([
    "packages/backend/api/index.d.ts: the API has changed (pnpm api:update)\n- export const limit = 3;\n+ export const limit = 4;",
  ]);
});

it("fails when a report is missing or no longer has its entry", () => {
  const root = sample({ ...built, "packages/backend/api/old.d.ts": "export {};\n" });
  expect(checkApi(root)).toEqual([
    "packages/backend/api/index.d.ts: is missing (pnpm api:update)",
    "packages/backend/api/old.d.ts: no entry of exports is called that",
  ]);
});

it("refuses what it would report wrongly", () => {
  const root = sample({ ...built, "packages/backend/dist/more.d.ts": "declare const x = 1;\nexport default x;" });
  expect(() => checkApi(root)).toThrow(/more\.d\.ts:2: ExportDefaultDeclaration is not understood/);
});

it("follows what a declaration mentions, and nothing else", () => {
  const root = sample({
    ...built,
    "packages/backend/dist/index.d.ts": `
import * as mutex from "async-mutex";
declare class Base {}
interface Shape {}
declare const brand: unique symbol;
declare const limit = 1;
declare const key = 2;
export declare class Thing extends Base implements Shape {
  [brand]: true;
  limit: number;
  lock: mutex.Mutex;
  set(key: string): void;
}`,
  });
  updateApi(root);
  const text = readFileSync(join(root, "packages/backend/api/index.d.ts"), "utf8");
  const declared = [...text.matchAll(/^(?:declare|export) (?:const|class|interface) (\w+)/gm)].map((match) => match[1]);
  expect(declared).toEqual(["Base", "Shape", "Thing", "brand"]);
  expect(text).toContain(`import * as mutex from "async-mutex";`);
});
