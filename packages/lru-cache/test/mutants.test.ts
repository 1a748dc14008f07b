import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import type { Catch } from "./model/hunt.js";
import { mutants } from "./model/mutants.js";

const MOST = 2000;

describe("the checker of schedules", () => {
  let caught = new Map<string, Catch>();

  beforeAll(async () => {
    const script = join(import.meta.dirname, "model/hunt.ts");
    const options = { timeout: 110_000, maxBuffer: 2 ** 24 };
    const { stdout } = await promisify(execFile)(process.execPath, ["--no-warnings", script, String(MOST)], options);
    const all = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Catch);
    caught = new Map(all.map((one) => [one.name, one]));
  }, 120_000);

  it("finds nothing in a faithful copy", () => {
    expect(caught.get("none")).toEqual({ name: "none", schedules: MOST });
  });

  it.each(mutants.map(({ name }) => name))("catches: %s", (name) => {
    expect(caught.get(name)?.rule).toBeTypeOf("string");
  });
});
