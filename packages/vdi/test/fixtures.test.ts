import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { memoryOf } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { VdiImage } from "../src/index.js";

describe("images made by qemu-img, committed", () => {
  it.each(["dynamic", "static"])("%s tells of itself what was asked for", async (type) => {
    const bytes = gunzipSync(readFileSync(new URL(`fixtures/${type}.vdi.gz`, import.meta.url)));
    const disk = await VdiImage.open(await memoryOf(bytes));
    expect(disk.info()).toMatchObject({ type, blockSize: 2 ** 20, blocks: 6, allocatedBlocks: 6 });
  });
});
