import { readFileSync } from "node:fs";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuImgJson, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { allBytes, bytesAt, expectClean, firstDifference, pattern, TINY } from "./support.js";

const SIZE = 4 * 1024 * 1024;

/** What the disk was. QEMU gives it the size that the disk has now. */
function snapshotContents(path: string): Uint8Array {
  qemuImg("convert", "-f", "qcow2", "-l", "snapshot.name=before", "-O", "raw", path, `${path}.snapshot`);
  return readFileSync(`${path}.snapshot`).subarray(0, SIZE);
}

describe.skipIf(!hasQemu)(`an image with a snapshot inside${qemuNote}`, () => {
  for (const layout of ["512", "4096", "65536", "16384,extended_l2=on", "65536,extended_l2=on"]) {
    it(`is written to without touching the snapshot (cluster_size=${layout})`, async () => {
      using scratch = new Scratch();
      const path = scratch.file("image");
      qemuImg("create", "-q", "-f", "qcow2", "-o", `cluster_size=${layout}`, path, `${SIZE}`);
      qemuIo(path, "write -P 1 0 1M", "write -P 2 2M 500k", "write -z 1M 64k");
      qemuIo(path, "write -c -P 3 3M 64k");
      qemuImg("snapshot", "-c", "before", path);
      const before = snapshotContents(path);

      const file = await FsBackend.open(path, { write: true });
      const image = await Qcow2Image.open(file, { write: true, caches: TINY });
      const model = await allBytes(image);
      expect(firstDifference(model, before)).toBe(-1);
      for (let index = 0; index < 40; index++) {
        const at = (index * 1_000_003) % (SIZE - 30_000);
        await image.write(pattern(index * 600, index), at);
        model.set(pattern(index * 600, index), at);
        await image.writeZeroes((at * 7) % (SIZE - 9000), 9000);
        model.fill(0, (at * 7) % (SIZE - 9000), ((at * 7) % (SIZE - 9000)) + 9000);
        if (index % 10 === 0) await image.sync();
      }
      await image.discard(0, 500_000);
      model.fill(0, 0, 500_000);
      model.set(await bytesAt(image, 0, 500_000));
      await expectClean(image);
      expect(firstDifference(await allBytes(image), model)).toBe(-1);
      await image.truncate(SIZE / 2);
      await image.truncate(2 * SIZE);
      expect((await bytesAt(image, SIZE / 2, SIZE)).every((byte) => byte === 0)).toBe(true);
      await expectClean(image);
      await image.close();

      const { corruptions, leaks } = qemuImgJson(["check", "--output=json", path]);
      expect({ corruptions, leaks }).toEqual({});
      expect(firstDifference(snapshotContents(path), before)).toBe(-1);
    });
  }
});
