import { writeFile } from "node:fs/promises";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuImgJson, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { contents, firstDifference, openImage } from "./files.js";
import { Random, seed } from "./random.js";

const SIZE = 4 * 1024 * 1024;

const layouts = [512, 4096, 65_536, 2_097_152].flatMap((clusterSize) => [
  { version: 2 as const, clusterSize, compressionType: "zlib" as const },
  { version: 3 as const, clusterSize, compressionType: "zlib" as const },
  { version: 3 as const, clusterSize, compressionType: "zstd" as const },
]);

/** Bytes as disks hold them: text, noise and repetition. */
function diskBytes(random: Random): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  for (let at = 0; at < SIZE; at += 5000) {
    const part = bytes.subarray(at, at + 5000);
    if (random.once(3)) part.forEach((_, index) => (part[index] = random.below(256)));
    else if (random.once(2)) part.fill(random.below(256));
    else part.set(random.bytes(part.length));
  }
  return bytes;
}

async function judge(path: string, expected: Uint8Array): Promise<void> {
  qemuImg("check", "-q", "-f", "qcow2", path);
  await writeFile(`${path}.expected`, expected);
  qemuImg("compare", "-q", "-f", "qcow2", "-F", "raw", path, `${path}.expected`);
}

describe.skipIf(!hasQemu)(`QEMU reads and continues what we compressed${qemuNote} [INSTAR_SEED=${seed}]`, () => {
  it.each(layouts)("version $version, clusters of $clusterSize, $compressionType", async (layout) => {
    using scratch = new Scratch();
    const path = scratch.file("image.qcow2");
    const random = new Random(seed ^ layout.clusterSize ^ layout.version);
    const bytes = diskBytes(random);
    const file = await FsBackend.open(path, { write: true, create: "new" });
    const image = await Qcow2Image.create(file, { ...layout, size: SIZE });
    await image.writeCompressed(bytes, 0);
    await image.close();
    await judge(path, bytes);
    expect(qemuImgJson(["check", "--output=json", path])["compressed-clusters"]).toBeGreaterThan(0);

    // QEMU writes over some, packs others; a process for each, since it loses data otherwise.
    for (let turn = 0; turn < 4; turn++) {
      const at = random.below(SIZE / layout.clusterSize) * layout.clusterSize;
      qemuIo(path, `discard ${at} ${layout.clusterSize}`);
      qemuIo(path, `write -c -P ${turn + 1} ${at} ${layout.clusterSize}`);
      bytes.fill(turn + 1, at, at + layout.clusterSize);
      const plain = random.below(SIZE - 70_000);
      qemuIo(path, `write -P ${turn + 11} ${plain} 70000`);
      bytes.fill(turn + 11, plain, plain + 70_000);
      await judge(path, bytes);
    }

    const again = await openImage(path, true);

    const whole = Math.ceil(SIZE / 2 / layout.clusterSize) * layout.clusterSize;
    await again.writeCompressed(bytes.subarray(0, whole), SIZE - whole);
    bytes.copyWithin(SIZE - whole, 0, whole);
    expect(firstDifference(await contents(again), bytes)).toBe(-1);
    await again.close();
    await judge(path, bytes);
  });
});
