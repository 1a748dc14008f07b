import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { checkImage } from "../src/check/check-image.js";
import { readHeader } from "../src/header.js";
import { damage, Damage, imageToDamage, QEMU_MISSES, random, seed } from "./check-damage.js";
import { hasQemu, memoryOf, qemuImgJson, qemuNote, Scratch } from "./format-support.js";

const rounds = Number(process.env["INSTAR_ROUNDS"] ?? 40);

describe.skipIf(!hasQemu)(`check against qemu-img check (INSTAR_SEED=${seed})${qemuNote}`, () => {
  it.each([
    "cluster_size=512",
    "cluster_size=512,refcount_bits=2",
    "cluster_size=4096,refcount_bits=1",
    "cluster_size=4096,refcount_bits=64",
    "cluster_size=65536",
    "cluster_size=1024,compat=0.10",
    "cluster_size=16384,extended_l2=on",
  ])("counts the same in damaged images: %s", { timeout: 120_000 }, async (options) => {
    using scratch = new Scratch();
    const path = scratch.file("damaged.qcow2");
    const whole = imageToDamage(path, options);
    const pick = random(seed);
    let damaged = 0;
    for (let round = 0; round < rounds; round++) {
      const image = new Damage(whole);
      const done: string[] = [];
      // The first round leaves the image as it is.
      const maxRefcount = options.endsWith("bits=1") ? 1 : 2;
      for (let n = round === 0 ? 0 : 1 + pick(2); n > 0; n--) done.push(damage(image, pick, maxRefcount));
      writeFileSync(path, image.bytes);
      const theirs = qemuImgJson(["check", "-f", "qcow2", "--output=json", path]);
      const file = await memoryOf(image.bytes);
      const ours = await checkImage(file, await readHeader(file), { problems: Infinity });
      const messages = ours.problems.map(({ message }) => message);
      if (messages.some((message) => QEMU_MISSES.test(message))) continue;
      const title = [`round ${round}`, ...done, ...messages.slice(0, 5)].join("\n");
      expect(ours, title).toMatchObject({
        corruptions: theirs["corruptions"] ?? 0,
        leaks: theirs["leaks"] ?? 0,
        checkErrors: theirs["check-errors"],
        imageEndOffset: theirs["image-end-offset"],
        totalClusters: theirs["total-clusters"],
        allocatedClusters: theirs["allocated-clusters"] ?? 0,
        fragmentedClusters: theirs["fragmented-clusters"] ?? 0,
        compressedClusters: theirs["compressed-clusters"] ?? 0,
      });
      if (round === 0) expect([ours.corruptions, ours.leaks, ours.problems]).toEqual([0, 0, []]);
      if (ours.corruptions > 0) damaged++;
    }
    expect(damaged).toBeGreaterThan(rounds / 4);
  });

  it("takes refcounts of clusters behind the end of the file for no leaks, until the file is longer", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image.qcow2");
    const image = new Damage(imageToDamage(path, "cluster_size=4096"));
    const clusters = Math.ceil(image.bytes.byteLength / 4096);
    for (const behind of [1, 5]) image.setRefcount(clusters + behind, 1);
    for (const longer of [0, 1, 3, 9]) {
      writeFileSync(path, Buffer.concat([image.bytes, Buffer.alloc(longer * 4096)]));
      const { leaks = 0, ...theirs } = qemuImgJson(["check", "-f", "qcow2", "--output=json", path]);
      const file = await memoryOf(new Uint8Array(readFileSync(path)));
      const ours = await checkImage(file, await readHeader(file));
      expect(ours).toMatchObject({ leaks, corruptions: 0, imageEndOffset: theirs["image-end-offset"] });
      expect(leaks).toBe([1, 5].filter((behind) => behind < longer).length);
    }
  });
});
