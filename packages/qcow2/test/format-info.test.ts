import { describe, expect, it } from "vitest";

import { readHeader } from "../src/header.js";
import { imageInfo, type Qcow2Info } from "../src/info.js";
import { fixtureFile } from "./fixtures.js";

async function info(name: string): Promise<Qcow2Info> {
  return imageInfo(await readHeader(await fixtureFile(name)));
}

describe("imageInfo", () => {
  it("tells size, version, clusters and refcounts", async () => {
    const small = { size: 2 ** 20, version: 3, clusterSize: 512, refcountBits: 64, compressionType: "zlib" };
    expect(await info("refcount-64")).toMatchObject(small);
    expect(await info("v2-64k")).toMatchObject({ version: 2, clusterSize: 65536, refcountBits: 16 });
    expect(await info("empty")).toMatchObject({ size: 0, dirty: false, corrupt: false, snapshots: 0 });
  });

  it("tells what is below", async () => {
    expect(await info("chain-top")).toMatchObject({ backingFile: "chain-middle.qcow2", backingFormat: "qcow2" });
    expect(await info("chain-base")).toMatchObject({ backingFile: undefined, backingFormat: undefined });
  });

  it("tells feature bits by flag and by name", async () => {
    expect(await info("dirty")).toMatchObject({
      dirty: true,
      corrupt: false,
      lazyRefcounts: true,
      features: { incompatible: ["dirty bit"], compatible: ["lazy refcounts"], autoclear: [] },
    });
    expect(await info("corrupt")).toMatchObject({ dirty: false, corrupt: true });
    expect((await info("bitmap")).features.autoclear).toEqual(["bitmaps"]);
    const { compatible, autoclear } = (await info("unknown-extras")).features;
    expect([compatible, autoclear]).toEqual([["bit 40"], ["bit 33"]]);
  });

  it("counts snapshots", async () => {
    expect((await info("snapshot")).snapshots).toBe(2);
  });
});
