import { expect, it } from "vitest";
import { checkFiles } from "../check-files.ts";
import { manifest, sample } from "./sample.ts";

it("fails above 300 lines and warns above 250", () => {
  const root = sample({
    "packages/backend/package.json": manifest("backend"),
    "packages/backend/src/good.ts": "let a;\n".repeat(250),
    "packages/backend/src/long.ts": "let a;\n".repeat(300),
    "packages/backend/src/deep/longer.ts": "let a;\n".repeat(301),
    "packages/backend/test/any.test.ts": "let a;\n".repeat(1000),
  });
  const warnings: string[] = [];
  const faults = checkFiles(root, (message) => warnings.push(message));
  expect(faults).toEqual(["packages/backend/src/deep/longer.ts: 301 lines; at most 300"]);
  expect(warnings).toEqual(["warning: packages/backend/src/long.ts: 300 lines; better at most 250"]);
});

it("fails when an index does more than re-export", () => {
  const index = `export * from "./a.js";\nexport { b, type C } from "./b.js";\nimport "./d.js";\nexport const e = 1;\n`;
  const root = sample({
    "packages/backend/package.json": manifest("backend"),
    "packages/backend/src/index.ts": index,
  });
  expect(checkFiles(root)).toEqual([
    "packages/backend/src/index.ts:3: an index.ts only re-exports",
    "packages/backend/src/index.ts:4: an index.ts only re-exports",
  ]);
});
