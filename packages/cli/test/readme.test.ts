import { readFileSync, symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BIN, program, scratch } from "./harness.js";

const at = scratch();
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = [...readme.matchAll(/<!-- example -->\s*```sh\n(.*?)```/gs)].map(([, script = ""]) => script);

describe("the README", () => {
  it("has an example", () => {
    expect(examples).not.toEqual([]);
  });

  it.each(
    examples.flatMap((script) =>
      script
        .trimEnd()
        .split("\n")
        .map((line, index) => [index, line] as const),
    ),
  )("has a command %d that works: %s", async (index, line) => {
    if (index === 0) symlinkSync(BIN, at("instar"));
    const shell = `PATH=${at()}:${process.execPath.replace(/[^/]+$/, "")}:$PATH\n${line}`;
    const { code, err } = await program("bash", ["--norc", "-euc", shell], { cwd: at() });
    expect([code, err]).toEqual([0, ""]);
  });
});
