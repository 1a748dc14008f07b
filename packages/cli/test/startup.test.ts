import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { instar, program, scratch } from "./harness.js";

const at = scratch();
const bundle = (file: string): URL => new URL(`../dist/bundle/${file}`, import.meta.url);

beforeAll(async () => {
  await instar(["create", "-q", "-f", "qcow2", at("disk.qcow2"), "1G"]);
  await instar(["create", "-q", at("disk.raw"), "1M"]);
});

/** Modules of Node that a command line has loaded, and files of the bundle. */
async function loadedBy(argv: readonly string[]): Promise<string[]> {
  const script = [
    'import { registerHooks } from "node:module";',
    "const files = [];",
    "registerHooks({ load(url, context, next) { files.push(url); return next(url, context); } });",
    `const { run, nodeHost } = await import(${JSON.stringify(bundle("instar.cjs").href)});`,
    "const code = await run(process.argv.slice(1), nodeHost());",
    "if (code !== 0) throw new Error(String(code));",
    'const builtin = process.moduleLoadList.filter((name) => name.startsWith("NativeModule "));',
    'console.error(JSON.stringify([...builtin.map((name) => name.replace("NativeModule ", "node:")), ...files]));',
  ].join("\n");
  const { err } = await program(process.execPath, ["--input-type=module", "-e", script, "--", ...argv]);
  return (JSON.parse(err) as string[]).map((name) => name.replace(/^.*\/bundle\//, ""));
}

describe("what a short command loads", () => {
  it("is the core of the bundle and no more", async () => {
    for (const argv of [
      ["info", at("disk.qcow2")],
      ["info", "--output=json", at("disk.raw")],
    ]) {
      const loaded = await loadedBy(argv);
      expect(loaded.filter((name) => name.endsWith(".cjs")).toSorted()).toEqual([
        "core.cjs",
        "instar.cjs",
        "rolldown-runtime.cjs",
      ]);
      for (const slow of ["node:crypto", "node:zlib", "node:http", "node:net", "node:stream", "node:readline"])
        expect(loaded).not.toContain(slow);
    }
  });

  it("is less where nothing is opened", async () => {
    expect(await loadedBy(["--version"])).toContain("version.cjs");
  });
});

describe("the bundle", () => {
  it("has what only some commands need in files of their own", () => {
    const core = readFileSync(bundle("core.cjs"), "utf8");
    expect(core).not.toContain("HTTP/1.1");
  });

  it("comes with the licences of what it holds parts of", () => {
    const licences = readFileSync(bundle("LICENSES.txt"), "utf8");
    for (const name of ["async-mutex", "pako"]) expect(licences).toMatch(new RegExp(`^${name} \\d`, "m"));
  });

  it("knows its version", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    const { out } = await instar(["--version"]);
    expect(out).toBe(`instar ${version}\n`);
  });
});
