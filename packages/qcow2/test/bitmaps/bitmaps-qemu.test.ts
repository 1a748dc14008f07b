import { describe, expect, it } from "vitest";

import type { Qcow2Image } from "../../src/index.js";
import { expectClean, pattern } from "../engine/support.js";
import { hasQemu, qemuImg, qemuImgJson, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { openImage } from "../interop/files.js";
import { Random, seed } from "../interop/random.js";
import { ourBits, qemuBits } from "./bitmap-support.js";

const SIZE = 3 * 1024 * 1024 + 512;
const K = 1024;

function expectSound(path: string): void {
  const { corruptions, leaks } = qemuImgJson(["check", "--output=json", path]);
  expect({ corruptions, leaks }).toEqual({});
}

/** What `qemu-img info` tells of bitmaps: names, granularities, flags. */
function qemuList(path: string): unknown {
  const info = JSON.stringify(qemuImgJson(["info", "--output=json", path])["format-specific"]);
  const { data }: { data: { bitmaps?: { name: string; granularity: number; flags: string[] }[] } } = JSON.parse(info);
  return (data.bitmaps ?? []).map(({ name, granularity, flags }) => [name, granularity, flags.join(" ")]);
}

/** Writes, zeroes and discards at random, and the bits that this sets. */
async function change(image: Qcow2Image, random: Random, bits: boolean[], granularity: number): Promise<void> {
  const requests = Array.from({ length: 4 }, async () => {
    const at = random.below(SIZE);
    const length = Math.min(SIZE - at, 1 + random.below(random.of(10, 5000, 200_000)));
    const kind = random.below(4);
    if (kind === 3) {
      const { clusterSize } = image.info();
      const begin = at - (at % clusterSize);
      const end = Math.min(SIZE, begin + clusterSize);
      bits.fill(true, Math.floor(begin / granularity), Math.ceil(end / granularity));
      return image.discard(begin, end - begin);
    }
    bits.fill(true, Math.floor(at / granularity), Math.ceil((at + length) / granularity));
    return kind < 2 ? image.write(pattern(length, 3), at) : image.writeZeroes(at, length);
  });
  await Promise.all(requests);
}

/** Whether a text is the same; a failure shows too much of it otherwise. */
function like(expected: string): (found: string) => boolean {
  return (found) => found === expected;
}

function text(bits: readonly boolean[]): string {
  return bits.map((bit) => (bit ? "1" : "0")).join("");
}

describe.skipIf(!hasQemu)(`bitmaps and QEMU${qemuNote} [INSTAR_SEED=${seed}]`, () => {
  for (const [clusterSize, granularity] of [
    [512, 512],
    [4 * K, 64 * K],
    [64 * K, 4 * K],
    [2048 * K, 1 * K],
  ] as const) {
    it(`each reads what the other recorded: clusters of ${clusterSize}, granularity ${granularity}`, async () => {
      using scratch = new Scratch();
      const random = new Random(seed + clusterSize);
      const path = scratch.file("image");
      qemuImg("create", "-q", "-f", "qcow2", "-o", `cluster_size=${clusterSize}`, path, `${SIZE}`);
      qemuImg("bitmap", "--add", "-g", `${granularity}`, path, "theirs");
      const theirs = Array.from({ length: Math.ceil(SIZE / granularity) }, () => false);
      const ours = theirs.slice();
      for (let round = 0; round < 3; round++) {
        const image = await openImage(path, true);
        if (round === 0) await image.bitmaps.add({ name: "ours", granularity });
        await change(image, random, theirs, granularity);
        for (const [index, bit] of theirs.entries()) ours[index] ||= bit;
        expect(await ourBits(image, "theirs", granularity)).toSatisfy(like(text(theirs)));
        await expectClean(image);
        await image.close();
        expectSound(path);
        expect(qemuList(path)).toEqual([
          ["theirs", granularity, "auto"],
          ["ours", granularity, "auto"],
        ]);
        expect(await qemuBits(path, "theirs", granularity)).toSatisfy(like(text(theirs)));
        expect(await qemuBits(path, "ours", granularity)).toSatisfy(like(text(ours)));
        const at = Math.floor(random.below(SIZE - 70_000) / 512) * 512;
        qemuIo(path, `write ${at} 65536`);
        for (const bits of [theirs, ours]) {
          bits.fill(true, Math.floor(at / granularity), Math.ceil((at + 65_536) / granularity));
        }
        const again = await openImage(path);
        expect(await ourBits(again, "ours", granularity)).toSatisfy(like(text(ours)));
        await again.close();
        if (round === 1) {
          qemuImg("bitmap", "--clear", path, "theirs");
          theirs.fill(false);
        }
      }
    });
  }

  it("are added, removed, cleared, enabled, disabled and merged as QEMU does it", async () => {
    using scratch = new Scratch();
    const [path, twin] = [scratch.file("image"), scratch.file("twin")];
    for (const file of [path, twin]) qemuImg("create", "-q", "-f", "qcow2", file, `${SIZE}`);
    const script: [(image: Qcow2Image) => Promise<void>, string[]][] = [
      [(image) => image.bitmaps.add({ name: "a" }), ["--add", "", "a"]],
      [
        (image) => image.bitmaps.add({ name: "b", granularity: 4096, disabled: true }),
        ["--add", "-g", "4k", "--disable", "", "b"],
      ],
      [(image) => image.write(new Uint8Array(9000).fill(1), 200_000), ["write -P 1 200000 9000"]],
      [(image) => image.bitmaps.enable("b"), ["--enable", "", "b"]],
      [(image) => image.writeZeroes(1_000_000, 70_000), ["write -z 1000000 70000"]],
      [(image) => image.bitmaps.disable("a"), ["--disable", "", "a"]],
      [(image) => image.write(new Uint8Array(100).fill(1), 2_500_000), ["write -P 1 2500000 100"]],
      [(image) => image.bitmaps.merge("b", "a"), ["--merge", "b", "", "a"]],
      [(image) => image.bitmaps.add({ name: "c", granularity: 1 << 20 }), ["--add", "-g", "1M", "", "c"]],
      [(image) => image.bitmaps.merge("a", "c"), ["--merge", "a", "", "c"]],
      [(image) => image.bitmaps.merge("c", "b"), ["--merge", "c", "", "b"]],
      [(image) => image.bitmaps.clear("a"), ["--clear", "", "a"]],
      [(image) => image.bitmaps.remove("c"), ["--remove", "", "c"]],
    ];
    for (const closing of [true, false]) {
      for (const file of [path, twin]) qemuImg("create", "-q", "-f", "qcow2", file, `${SIZE}`);
      let image = await openImage(path, true);
      for (const [ours, theirs] of script) {
        await ours(image);
        if (theirs.length === 1) qemuIo(twin, ...theirs);
        else qemuImg("bitmap", ...theirs.map((word) => (word === "" ? twin : word)));
        const names = (await image.bitmaps.list()).map(({ name, granularity, enabled }) => [
          name,
          granularity,
          enabled ? "auto" : "",
        ]);
        expect(names).toEqual(qemuList(twin));
        if (!closing) continue;
        await image.close();
        expectSound(path);
        expect(qemuList(path)).toEqual(qemuList(twin));
        image = await openImage(path, true);
      }
      await image.close();
      expectSound(path);
      for (const [name, granularity] of [
        ["a", 65_536],
        ["b", 4096],
      ] as const) {
        expect(await qemuBits(path, name, granularity)).toBe(await qemuBits(twin, name, granularity));
      }
      // The examiner changes what we stored.
      qemuImg("bitmap", "--merge", "b", "--remove", path, "a");
    }
  });

  it("are merged across images", async () => {
    using scratch = new Scratch();
    const images: Qcow2Image[] = [];
    for (const name of ["one", "other"]) {
      qemuImg("create", "-q", "-f", "qcow2", scratch.file(name), `${SIZE}`);
      images.push(await openImage(scratch.file(name), true));
    }
    const [one, other] = images;
    if (!one || !other) throw new Error("no images");
    await one.bitmaps.add({ name: "from", granularity: 512 });
    await one.write(new Uint8Array(10), 1000);
    await one.write(new Uint8Array(10), 2_000_000);
    await other.bitmaps.add({ name: "to", granularity: 65_536, disabled: true });
    await other.bitmaps.merge({ image: one, name: "from" }, "to");
    const expected = Array.from({ length: Math.ceil(SIZE / 65_536) }, (_, index) => index === 0 || index === 30);
    expect(await ourBits(other, "to", 65_536)).toBe(text(expected));
    await one.truncate(SIZE * 2);
    await expect(other.bitmaps.merge({ image: one, name: "from" }, "to")).rejects.toMatchObject({
      code: "ERR_INVALID_OPTION",
    });
    for (const image of images) await image.close();
    expect(await qemuBits(scratch.file("other"), "to", 65_536)).toBe(text(expected));
  });

  it("follow the size of the disk", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    qemuImg("create", "-q", "-f", "qcow2", "-o", "cluster_size=512", path, "4M");
    qemuImg("bitmap", "--add", "-g", "512", path, "enabled");
    const image = await openImage(path, true);
    await image.write(new Uint8Array(4 << 20).fill(1), 0);
    await image.bitmaps.add({ name: "disabled", granularity: 512, disabled: true });
    await image.bitmaps.merge("enabled", "disabled");
    await image.truncate(1_000_448);
    await image.truncate(3_000_320);
    expect(await ourBits(image, "enabled", 512)).toSatisfy(like("1".repeat(3_000_320 / 512)));
    expect(await ourBits(image, "disabled", 512)).toSatisfy(
      like("1".repeat(1_000_448 / 512) + "0".repeat(1_999_872 / 512)),
    );
    await image.close();
    expectSound(path);
    expect(await qemuBits(path, "disabled", 512)).toSatisfy(
      like("1".repeat(1_000_448 / 512) + "0".repeat(1_999_872 / 512)),
    );
    qemuImg("resize", path, "6M");
    const again = await openImage(path, true);
    await again.bitmaps.clear("enabled");
    await again.snapshots.create({ name: "s", date: new Date(0) });
    expect(await ourBits(again, "enabled", 512)).toSatisfy(like("0".repeat((6 << 20) / 512)));
    await again.truncate(7 << 20);
    await again.snapshots.apply({ name: "s" });
    expect(await ourBits(again, "enabled", 512)).toSatisfy(like("1".repeat((6 << 20) / 512)));
    await again.close();
    expectSound(path);
    expect(await qemuBits(path, "enabled", 512)).toSatisfy(like("1".repeat((6 << 20) / 512)));
  });

  it("are inconsistent where their writer never closed the image, and can be removed then", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    qemuImg("create", "-q", "-f", "qcow2", path, "1M");
    qemuImg("bitmap", "--add", path, "enabled");
    qemuImg("bitmap", "--add", "--disable", path, "disabled");
    const image = await openImage(path, true);
    await image.write(new Uint8Array(10).fill(1), 0);
    await image.sync();
    expect((await image.bitmaps.list()).map(({ inconsistent }) => inconsistent)).toEqual([false, false]);
    qemuImg("convert", "-f", "raw", "-O", "raw", path, `${path}.copy`);
    await image.close();
    expect(qemuList(`${path}.copy`)).toEqual([
      ["enabled", 65_536, "in-use auto"],
      ["disabled", 65_536, ""],
    ]);
    const copy = await openImage(`${path}.copy`, true);
    expect((await copy.bitmaps.list()).map(({ inconsistent }) => inconsistent)).toEqual([true, false]);
    const refused = { code: "ERR_INVALID_OPTION" };
    await expect(ourBits(copy, "enabled", 65_536)).rejects.toMatchObject(refused);
    for (const attempt of [
      () => copy.bitmaps.clear("enabled"),
      () => copy.bitmaps.enable("enabled"),
      () => copy.bitmaps.disable("enabled"),
      () => copy.bitmaps.merge("disabled", "enabled"),
      () => copy.bitmaps.merge("enabled", "disabled"),
      () => copy.truncate(2 << 20),
    ]) {
      await expect(attempt()).rejects.toMatchObject(refused);
    }
    await copy.write(new Uint8Array(10).fill(1), 0);
    await copy.bitmaps.remove("enabled");
    await copy.truncate(2 << 20);
    await copy.close();
    expectSound(`${path}.copy`);
    expect(qemuList(`${path}.copy`)).toEqual([["disabled", 65_536, ""]]);
  });
});
