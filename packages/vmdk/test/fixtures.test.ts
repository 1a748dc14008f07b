import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import type { MemoryBackend } from "@instar/backend";
import { memoryOf } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { VmdkImage } from "../src/index.js";

function load(name: string): Promise<MemoryBackend> {
  return memoryOf(gunzipSync(readFileSync(new URL(`fixtures/${name}.gz`, import.meta.url))), name);
}

describe("images made by qemu-img, committed", () => {
  it.each([
    ["monolithicSparse", 0],
    ["streamOptimized", 0],
    ["twoGbMaxExtentSparse", 1],
    ["monolithicFlat", 1],
  ])("%s tells of itself what was asked for, and asks for %i other files", async (createType, others) => {
    const asked: string[] = [];
    const disk = await VmdkImage.open(await load(`${createType}.vmdk`), {
      openReferenced: ({ name }) => {
        asked.push(name);
        return load(name);
      },
    });
    expect(disk.info()).toMatchObject({ createType, extents: [{ size: disk.size }] });
    expect(asked.length).toBe(others);
  });
});
