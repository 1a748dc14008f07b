import type { TestRunner } from "@instar/backend/conformance";
import { describe, expect, it } from "vitest";

import { describeImage, patternDisk } from "../src/testing/index.js";
import { type Fault, makeToy, probeToy, ToyImage } from "./toy-format.js";

/** With more data than one request may read. */
const disk = patternDisk(2 ** 20 + 4096, 60_000);
const toy = makeToy(disk);

/** Runs the kit over a reader, and gives the titles of the tests that fail. */
async function failuresWith(fault: Fault, file = toy): Promise<string[]> {
  const tests: [title: string, body: () => Promise<void>][] = [];
  const runner: TestRunner = {
    describe: (_, body) => body(),
    it: (title, body) => tests.push([title, body]),
  };
  describeImage(
    runner,
    {
      format: "toy",
      samples: [{ name: "a toy", file, disk, metadata: [{ begin: 0, end: 1100 }] }],
      open: (backend) => ToyImage.open(backend, fault),
      probe: async (backend) => fault === "probe takes all" || probeToy(backend),
    },
    { seed: 1, rounds: 30 },
  );
  const failed: string[] = [];
  for (const [title, body] of tests) await body().catch(() => failed.push(title));
  return failed;
}

describe("the kit of images", () => {
  it("finds nothing wrong with a reader that is right", async () => {
    expect(await failuresWith("none")).toEqual([]);
  });

  it.each<[Fault, string]>([
    ["bytes at the end of a request", "has the bytes of the disk"],
    ["size", "has the bytes of the disk"],
    ["hole that is data", "tells of extents that cover the disk"],
    ["map to another place", "tells where in which file its bytes are"],
    ["map in many runs", "tells it in runs as long as possible"],
    ["map past the end", "maps nothing past its end"],
    ["file left open", "closes its file"],
    ["file closed by a failure", "leaves the file open"],
    ["foreign file taken", "refuses 65536 bytes of zeroes"],
    ["foreign file refused as broken", "refuses 65536 bytes of zeroes"],
    ["probe takes all", "refuses 65536 bytes of zeroes"],
    ["error without a code", "cut off anywhere"],
    ["reads all of the file", "with bytes changed"],
  ])("catches a fault: %s", async (fault, title) => {
    expect(await failuresWith(fault)).toContainEqual(expect.stringContaining(title));
  });

  it("leaves the samples as they are", async () => {
    // A slice of a Buffer is no copy.
    const file = Buffer.from(toy);
    expect(await failuresWith("none", file)).toEqual([]);
    expect(file.equals(toy)).toBe(true);
  });
});
