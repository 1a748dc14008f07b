import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Scratch } from "./format-support.js";

it("opening, scanning and checking a sparse disk of 8 TiB takes less than 150 MB of resident memory", () => {
  using scratch = new Scratch();
  const script = join(import.meta.dirname, "scan-sparse-disk.mjs");
  const args = [script, scratch.file("image.qcow2"), String(8 * 2 ** 40)];
  const told: unknown = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
  expect(told).toMatchObject({ data: 16 * 65_536 });
  const { resident } = told as { readonly resident: number };
  expect(resident).toBeLessThan(150e6);
});
