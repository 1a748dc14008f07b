import { writeFile } from "node:fs/promises";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { contents, firstDifference, openImage } from "./files.js";
import { ModelDisk } from "./model-disk.js";
import { Random, seed } from "./random.js";

const SIZE = 3 * 1024 * 1024 + 4096 + 512;
const STEPS = 150;

const layouts = [
  ...[512, 4096, 65_536, 2_097_152].flatMap((clusterSize) => [
    { version: 2 as const, clusterSize, refcountBits: 16 },
    ...[1, 16, 64].map((refcountBits) => ({ version: 3 as const, clusterSize, refcountBits })),
    { version: 3 as const, clusterSize, refcountBits: 16, compressionType: "zstd" as const },
  ]),
  ...[16_384, 65_536, 2_097_152].map((clusterSize) => ({
    version: 3 as const,
    clusterSize,
    refcountBits: 16,
    l2: "extended",
  })),
];

function baseOf(path: string): string {
  return path.replace("image.qcow2", "base.qcow2");
}

const title = "version $version, clusters of $clusterSize, refcounts of $refcountBits bits, $compressionType, $l2";

async function make(path: string, layout: (typeof layouts)[number], backed: boolean): Promise<Uint8Array> {
  const before = new Uint8Array(SIZE);
  const backing = backed ? { backing: { name: "base.qcow2", format: "qcow2" } } : {};
  if (backed) {
    const base = baseOf(path);
    qemuImg("create", "-q", "-f", "qcow2", base, String(SIZE - 100_000 - (SIZE % 512)));
    qemuIo(base, "write -P 77 100000 2000000");
    before.fill(77, 100_000, 2_100_000);
  }
  const file = await FsBackend.open(path, { write: true, create: "new" });
  const backingBackend = backed ? await openImage(baseOf(path)) : undefined;
  const extendedL2 = "l2" in layout;
  await (await Qcow2Image.create(file, { ...layout, extendedL2, ...backing, backingBackend, size: SIZE })).close();
  return before;
}

/** Checks and compares with QEMU. */
async function judge(path: string, expected: Uint8Array): Promise<void> {
  qemuImg("check", "-q", "-f", "qcow2", path);
  await writeFile(`${path}.expected`, expected);
  qemuImg("compare", "-q", "-f", "qcow2", "-F", "raw", path, `${path}.expected`);
}

describe.skipIf(!hasQemu)(`QEMU accepts what we wrote${qemuNote} [INSTAR_SEED=${seed}]`, () => {
  for (const backed of [false, true]) {
    it.each(layouts)(`${backed ? "over a backing file" : "alone"}, ${title}`, async (layout) => {
      using scratch = new Scratch();
      const path = scratch.file("image.qcow2");
      const random = new Random(seed + layout.clusterSize + layout.refcountBits + layout.version + (backed ? 1 : 0));
      const model = new ModelDisk(await make(path, layout, backed), random);
      for (let part = 0; part < 3; part++) {
        const image = await openImage(path, true, random.of(1, 2, 256));
        for (let step = 0; step < STEPS; step++) {
          await model.step(image);
          if (random.once(25)) await image.sync();
        }
        expect(firstDifference(await contents(image), model.bytes)).toBe(-1);
        await image.close();
        await judge(path, model.bytes);
      }
    });
  }
});

describe.skipIf(!hasQemu)(`both write in turn${qemuNote} [INSTAR_SEED=${seed}]`, () => {
  it.each(layouts)(title, async (layout) => {
    using scratch = new Scratch();
    const path = scratch.file("image.qcow2");
    const random = new Random(seed ^ layout.clusterSize ^ layout.refcountBits ^ layout.version);
    const model = new ModelDisk(await make(path, layout, true), random);
    for (let turn = 0; turn < 6; turn++) {
      const image = await openImage(path, true, 4);
      for (let step = 0; step < 40; step++) await model.step(image);
      await image.close();
      await judge(path, model.bytes);
      const commands = Array.from({ length: 20 }, () => {
        const offset = random.below(SIZE - 512);
        const length = Math.min(SIZE - offset, 1 + random.below(150_000));
        const pattern = random.of(0, 1 + random.below(255));
        model.bytes.fill(pattern, offset, offset + length);
        return pattern === 0 ? `write -z ${offset} ${length}` : `write -P ${pattern} ${offset} ${length}`;
      });
      qemuIo(path, ...commands);
      await judge(path, model.bytes);
    }
  });
});
