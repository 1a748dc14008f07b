import { constants, zstdCompressSync } from "node:zlib";

import { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { unzstdCluster as portable } from "../src/zstd.default.js";
import { unzstdCluster as byZlib } from "../src/zstd.node.js";
import { Qcow2Image } from "../src/index.js";
import { hasQemu, qemuImg, qemuIo, qemuNote, Scratch } from "./format-support.js";
import { contents, firstDifference, openImage, qemuContents } from "./interop/files.js";

const CLUSTER = 65_536;
const cluster = Uint8Array.from({ length: CLUSTER }, (_, index) => (index * index) >> 7);

describe.each([
  ["by zlib", byZlib],
  ["portably", portable],
])("a zstd cluster unpacked %s", (_, unpack) => {
  it.each([
    ["a frame", 0],
    ["a frame with a checksum", 1],
  ])("has its bytes, whatever stands behind %s", async (_title, checksum) => {
    const frame = zstdCompressSync(cluster, { params: { [constants.ZSTD_c_checksumFlag]: checksum } });
    for (const behind of [new Uint8Array(0), new Uint8Array(300), new Uint8Array(300).fill(0xa5), frame]) {
      expect(firstDifference(await unpack(Buffer.concat([frame, behind]), CLUSTER), cluster)).toBe(-1);
    }
  });

  it.each([
    ["holds more than the cluster", zstdCompressSync(new Uint8Array(64 * 1024 * 1024))],
    ["holds less", zstdCompressSync(cluster.subarray(1))],
    ["is cut", zstdCompressSync(cluster).subarray(0, 500)],
    ["is no zstd", new Uint8Array(600).fill(0x77)],
    ["is empty", new Uint8Array(0)],
  ])("is ERR_CORRUPT where the frame %s", async (_title, bytes) => {
    await expect(unpack(bytes, CLUSTER)).rejects.toMatchObject({ format: "qcow2", code: "ERR_CORRUPT" });
  });
});

describe("the compression type of a header", () => {
  it.each([
    [8, 0, "1 (zstd)"],
    [0, 1, "0 (zlib)"],
    [8, 2, "1 (zstd)"],
  ])("is refused where feature bits %d go with type %d", async (features, type, rule) => {
    const file = new MemoryBackend();
    await (await Qcow2Image.create(file, { size: 1024 * 1024 })).sync();
    await file.write(Uint8Array.of(features), 79);
    await file.write(Uint8Array.of(type), 104);
    await expect(Qcow2Image.open(file)).rejects.toMatchObject({
      code: "ERR_INVALID_HEADER",
      field: "compression_type",
      message: expect.stringContaining(rule) as string,
    });
  });
});

describe.skipIf(!hasQemu)(`zstd images of QEMU${qemuNote}`, () => {
  it.each([4096, 65_536, 2_097_152])("read as QEMU reads them, clusters of %d", async (clusterSize) => {
    using scratch = new Scratch();
    const source = scratch.file("source.qcow2");
    const path = scratch.file("image.qcow2");
    qemuImg("create", "-q", "-f", "qcow2", source, "5M");
    qemuIo(source, "write -P 7 0 2M", "write -P 8 2100000 1000", "write -P 9 3M 600000");
    const options = `compression_type=zstd,cluster_size=${clusterSize}`;
    qemuImg("convert", "-c", "-f", "qcow2", "-O", "qcow2", "-o", options, source, path);
    const image = await openImage(path);
    expect(image.info().compressionType).toBe("zstd");
    expect(firstDifference(await contents(image), await qemuContents(path))).toBe(-1);
    await image.close();
  });
});
