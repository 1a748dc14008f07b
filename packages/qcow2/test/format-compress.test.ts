import { inflateRawSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import * as portable from "../src/compress.default.js";
import * as node from "../src/compress.node.js";
import { unzstdCluster } from "../src/zstd.default.js";
import { noise, pattern } from "./engine/support.js";

describe.each([
  ["node", node],
  ["portable", portable],
])("deflateCluster (%s)", (_, { deflateCluster }) => {
  it.each([512, 65_536, 2_097_152])("packs %i bytes for readers with a window of 4 KiB", async (size) => {
    const cluster = pattern(size, 1);
    cluster.set(noise(size / 4), size / 2);
    const packed = await deflateCluster(cluster);
    expect(packed.byteLength).toBeLessThan(size);
    expect(Buffer.compare(inflateRawSync(packed, { windowBits: 12 }), cluster)).toBe(0);
  });

  it("makes no less of what does not shrink", async () => {
    expect((await deflateCluster(noise(4096))).byteLength).toBeGreaterThanOrEqual(4096);
  });
});

describe("zstdCluster", () => {
  it("packs one frame that says how long its content is", async () => {
    const cluster = pattern(65_536, 1);
    const packed = await node.zstdCluster(cluster);
    expect(packed.byteLength).toBeLessThan(65_536);
    expect(Buffer.compare(await unzstdCluster(packed, 65_536), cluster)).toBe(0);
  });

  it("is refused by name outside of Node", async () => {
    await expect(portable.zstdCluster(pattern(512, 1))).rejects.toMatchObject({
      code: "ERR_UNSUPPORTED_FEATURE",
      field: "compression_type",
      message: expect.stringContaining("node:zlib"),
    });
  });
});
