import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { openSpillFile } from "../src/spill-file.js";
import { scratch } from "./harness.js";

const at = scratch();

it("a spill file is gone with its close, and has no name before", async () => {
  const file = await openSpillFile(at("."));
  await file.write(new Uint8Array(1000).fill(7), 5);
  const [folder = ""] = readdirSync(at("."));
  expect(readdirSync(at(folder)).filter((name) => name === "spill")).toEqual([]);
  const found = new Uint8Array(10);
  await file.read(found, 0);
  expect([...found]).toEqual([0, 0, 0, 0, 0, 7, 7, 7, 7, 7]);
  await file.close();
  expect(readdirSync(at("."))).toEqual([]);
});
