import { readFileSync } from "node:fs";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuImgJson, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { allBytes, bytesAt, expectClean, firstDifference, newImage, pattern, plainDisk } from "./support.js";

const CLUSTER = 65_536;
const SUB = CLUSTER / 32;

/** What each piece of a cluster is: `d` stored, `z` zero, `.` neither. */
async function shown(image: Qcow2Image, cluster = 0): Promise<string> {
  let text = "";
  for await (const { length, depth, data, zero, present } of image.map(cluster * CLUSTER, CLUSTER)) {
    text += (depth > 0 || !present ? "." : data ? "d" : zero ? "z" : "?").repeat(length / SUB);
  }
  return text;
}

async function overBacking(): Promise<{ image: Qcow2Image; below: Uint8Array }> {
  const below = pattern(4 * CLUSTER, 9);
  const { image } = await newImage({
    size: 4 * CLUSTER,
    extendedL2: true,
    backing: { name: "base", format: "raw" },
    backingBackend: await plainDisk(below),
  });
  return { image, below };
}

describe("subclusters", () => {
  it("are stored, zeroed and given up one by one", async () => {
    const { image, below } = await overBacking();
    const model = below.slice();
    await image.write(pattern(SUB, 1), 2 * SUB);
    model.set(pattern(SUB, 1), 2 * SUB);
    expect(await shown(image)).toBe(`..d${".".repeat(29)}`);
    await image.write(pattern(100, 2), 31 * SUB + 7);
    model.set(pattern(100, 2), 31 * SUB + 7);
    expect(await shown(image)).toBe(`..d${".".repeat(28)}d`);
    await image.writeZeroes(SUB, 2 * SUB);
    model.fill(0, SUB, 3 * SUB);
    expect(await shown(image)).toBe(`.zz${".".repeat(28)}d`);
    await image.writeZeroes(4 * SUB + 1, SUB);
    model.fill(0, 4 * SUB + 1, 5 * SUB + 1);
    expect(await shown(image)).toBe(`.zz.dd${".".repeat(25)}d`);
    await image.write(pattern(3 * SUB, 3), 0);
    model.set(pattern(3 * SUB, 3), 0);
    expect(await shown(image)).toBe(`ddd.dd${".".repeat(25)}d`);
    expect(firstDifference(await allBytes(image), model)).toBe(-1);
    expect((await image.check()).allocatedClusters).toBe(1);
    await image.discard(0, CLUSTER - SUB);
    expect(await shown(image)).toBe(`zzz.zz${".".repeat(25)}d`);
    await image.discard(CLUSTER - SUB, SUB);
    expect((await image.check()).allocatedClusters).toBe(0);
    expect(await shown(image)).toBe(`zzz.zz${".".repeat(25)}z`);
    await image.sync();
    await expectClean(image);
  });

  it("are written side by side into one host cluster", async () => {
    const { image, below } = await overBacking();
    const model = below.slice();
    await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        const at = CLUSTER + index * SUB + 10;
        if (index % 3 === 0) await image.writeZeroes(at - 10, SUB);
        else await image.write(pattern(SUB - 20, index), at);
        if (index % 3 === 0) model.fill(0, at - 10, at - 10 + SUB);
        else model.set(pattern(SUB - 20, index), at);
      }),
    );
    expect(firstDifference(await allBytes(image), model)).toBe(-1);
    expect((await image.check()).allocatedClusters).toBe(1);
    await expectClean(image);
  });

  it("behind the end of a disk that grows are zero", async () => {
    const { image } = await overBacking();
    await image.write(pattern(CLUSTER, 1), 0);
    await image.truncate(3 * SUB + 5);
    await image.truncate(2 * CLUSTER);
    const expected = new Uint8Array(2 * CLUSTER);
    expected.set(pattern(3 * SUB + 5, 1));
    expect(firstDifference(await allBytes(image), expected)).toBe(-1);
    await expectClean(image);
  });
});

describe.skipIf(!hasQemu)(`compressed clusters among subclusters${qemuNote}`, () => {
  it("are zeroed, discarded and written to in parts, and stay whole in a snapshot", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    qemuImg("create", "-q", "-f", "qcow2", "-o", "extended_l2=on", path, String(6 * CLUSTER));
    for (let index = 0; index < 6; index++) qemuIo(path, `write -c -P ${index + 1} ${index * CLUSTER} ${CLUSTER}`);
    qemuImg("snapshot", "-c", "before", path);
    const image = await Qcow2Image.open(await FsBackend.open(path, { write: true }), { write: true });
    const model = await allBytes(image);
    // Within a cluster; from one to the middle of the next but one; then parts to discard and to write.
    for (const [begin, end] of [
      [SUB, 3 * SUB],
      [CLUSTER + SUB, 3 * CLUSTER + 5 * SUB + 100],
    ] as const) {
      await image.writeZeroes(begin, end - begin);
      model.fill(0, begin, end);
    }
    await image.discard(4 * CLUSTER + SUB, SUB);
    await image.write(pattern(SUB, 5), 5 * CLUSTER + SUB + 9);
    model.set(pattern(SUB, 5), 5 * CLUSTER + SUB + 9);
    expect(firstDifference(await allBytes(image), model)).toBe(-1);
    expect(await shown(image, 2)).toBe(".".repeat(32));
    await image.sync();
    await expectClean(image);
    await image.discard(4 * CLUSTER, CLUSTER);
    model.set(await bytesAt(image, 4 * CLUSTER, CLUSTER), 4 * CLUSTER);
    expect(model.subarray(4 * CLUSTER, 5 * CLUSTER).every((byte) => byte === 0)).toBe(true);
    await image.close();
    const { corruptions, leaks } = qemuImgJson(["check", "--output=json", path]);
    expect({ corruptions, leaks }).toEqual({});
    qemuImg("convert", "-O", "raw", path, `${path}.raw`);
    expect(firstDifference(readFileSync(`${path}.raw`), model)).toBe(-1);
    qemuImg("snapshot", "-a", "before", path);
    qemuImg("convert", "-O", "raw", path, `${path}.raw`);
    const before = readFileSync(`${path}.raw`);
    for (let index = 0; index < 6; index++) {
      const cluster = before.subarray(index * CLUSTER, (index + 1) * CLUSTER);
      expect(cluster.every((byte) => byte === index + 1)).toBe(true);
    }
  });
});
