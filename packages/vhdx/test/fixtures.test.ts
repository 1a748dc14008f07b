import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { memoryOf } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { VhdxImage } from "../src/index.js";

describe("images made by qemu-img, committed", () => {
  it.each(["dynamic", "fixed"])("%s tells of itself what was asked for", async (type) => {
    const bytes = gunzipSync(readFileSync(new URL(`fixtures/${type}.vhdx.gz`, import.meta.url)));
    const disk = await VhdxImage.open(await memoryOf(bytes));
    expect(disk.info()).toMatchObject({ type, blockSize: 2 ** 20 });
  });
});
