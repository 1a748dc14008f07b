import { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { joinMappings, mapBelow, mapOf, mappedData, mappedNowhere, mappedZero, type Mapping } from "../src/index.js";

async function all(mappings: AsyncIterable<Mapping>): Promise<Mapping[]> {
  const found: Mapping[] = [];
  for await (const mapping of mappings) found.push(mapping);
  return found;
}

async function* each(...mappings: readonly Mapping[]): AsyncGenerator<Mapping> {
  yield* mappings;
}

const at = (hostOffset: number): { file: string; hostOffset: number } => ({ file: "f", hostOffset });

describe("joinMappings", () => {
  it("joins what is alike and lies side by side, in the guest and in the file", async () => {
    const pieces = [mappedData(0, 10, at(100)), mappedData(10, 5, at(110)), mappedZero(15, 5), mappedZero(20, 1)];
    expect(await all(joinMappings(each(...pieces)))).toEqual([mappedData(0, 15, at(100)), mappedZero(15, 6)]);
  });

  it.each([
    ["in the file", mappedData(10, 5, at(111))],
    ["in the guest", mappedData(11, 5, at(110))],
    ["in another file", mappedData(10, 5, { file: "g", hostOffset: 110 })],
    ["of another layer", { ...mappedData(10, 5, at(110)), depth: 1 }],
    ["that is zero", mappedZero(10, 5)],
    ["that nobody has", mappedNowhere(10, 5)],
    ["that is compressed", mappedData(10, 5)],
  ])("does not join what lies elsewhere %s", async (_what, next) => {
    expect(await all(joinMappings(each(mappedData(0, 10, at(100)), next)))).toHaveLength(2);
  });
});

describe("mapBelow", () => {
  it("tells of the parent, one layer deeper, and of nothing where it has ended", async () => {
    const parent = new MemoryBackend({ name: "parent", size: 4096 });
    await parent.write(new Uint8Array(4096).fill(1), 0);
    expect(await all(mapBelow(parent, 1024, 8192, {}))).toEqual([
      { ...mappedData(1024, 3072, { file: "parent", hostOffset: 1024 }), depth: 1 },
      mappedNowhere(4096, 5120),
    ]);
    expect(await all(mapBelow(undefined, 5, 10, {}))).toEqual([mappedNowhere(5, 10)]);
  });
});

describe("mapOf", () => {
  it("asks what can tell itself, and takes the bytes of anything else for its own", async () => {
    const plain = new MemoryBackend({ name: "plain", size: 10 });
    await plain.write(new Uint8Array(10).fill(1), 0);
    expect(await all(mapOf(plain, 2, 3))).toEqual([mappedData(2, 3, { file: "plain", hostOffset: 2 })]);
    const image = Object.assign(new MemoryBackend(), { map: () => each(mappedZero(0, 7)) });
    expect(await all(mapOf(image, 0, 7))).toEqual([mappedZero(0, 7)]);
  });
});
