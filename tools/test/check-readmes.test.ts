import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkReadmes } from "../check-readmes.ts";
import { manifest, sample } from "./sample.ts";

function block(language: string, code: string, marker = "<!-- example -->"): string {
  return `${marker}\n\n\`\`\`${language}\n${code}\n\`\`\`\n`;
}

function faultsOf(readme: string, notes: string[] = []): string[] {
  const root = sample({
    "packages/backend/package.json": manifest("backend"),
    "packages/backend/dist/index.d.ts": "export declare const one: number;\n",
    "packages/backend/dist/index.js": "export const one = 1;\n",
    "packages/backend/README.md": readme,
    "packages/cli/bin/instar.cjs": `console.log("instar", ...process.argv.slice(2));`,
  });
  const faults = checkReadmes(root, (note) => notes.push(note));
  expect(existsSync(join(root, "packages/backend/.readme-examples"))).toBe(false);
  return faults;
}

it("runs modules with the package they belong to, and scripts with instar", () => {
  const module = `import { one } from "@instar/backend";\nif (one !== 1) throw new Error("no");`;
  const script = `test "$(instar info x)" = "instar info x"\necho > file`;
  expect(faultsOf(block("ts", module) + block("js", module) + block("sh", script))).toEqual([]);
});

it.each([
  ["throws", "ts", "throw new Error('oh');", "the example fails"],
  [
    "does not compile",
    "ts",
    `import { one } from "@instar/backend";\nexport const x: string = one;`,
    "does not compile",
  ],
  ["imports what is not there", "js", `import "@instar/nothing";`, "the example fails"],
  ["is a script that fails midway", "sh", "false\ntrue", "the example fails"],
  ["is a pipe that fails midway", "sh", "false | true", "the example fails"],
])("finds an example that %s", (_, language, code, fault) => {
  const [only, ...others] = faultsOf(`# title\n\n${block(language, code)}`);
  expect(only).toContain("packages/backend/README.md:5: ");
  expect(only).toContain(fault);
  expect(others).toEqual([]);
});

it("finds an example that leaves files behind", () => {
  const code = `import { writeFileSync } from "node:fs";\nwriteFileSync("left.txt", "");`;
  expect(faultsOf(block("ts", code))).toEqual(["packages/backend/README.md:0: an example leaves left.txt behind"]);
});

it("runs nothing that is not marked, and wants at least one example", () => {
  expect(faultsOf("```ts\nthrow new Error('oh');\n```\n")).toEqual(["packages/backend/README.md: has no example"]);
});

it("finds a marker without a block", () => {
  const fault = "packages/backend/README.md: line 1: no block of ts, js or sh follows the marker";
  expect(faultsOf("<!-- example -->\n\ntext\n")).toEqual([fault]);
});

it("skips, by name, an example whose program is not installed", () => {
  const notes: string[] = [];
  const marker = "<!-- example: needs no-such-program -->";
  expect(faultsOf(block("sh", "no-such-program", marker), notes)).toEqual([]);
  expect(notes).toEqual(["skipped: packages/backend/README.md:3: needs no-such-program"]);
});
