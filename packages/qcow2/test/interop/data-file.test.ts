import { readFile, writeFile } from "node:fs/promises";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuImgJson, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { contents, firstDifference, openImage } from "./files.js";
import { ModelDisk } from "./model-disk.js";
import { Random, seed } from "./random.js";

const SIZE = 3 * 1024 * 1024 + 512;

interface Kind {
  readonly raw: boolean;
  readonly backed: boolean;
  readonly extendedL2: boolean;
}

const kinds: Kind[] = [
  { raw: false, backed: true, extendedL2: false },
  { raw: true, backed: false, extendedL2: false },
  { raw: true, backed: false, extendedL2: true },
];

/** QEMU looks for a data file in the current directory unless its name is absolute. */
function dataOf(path: string): string {
  return path.replace("image.qcow2", "data.raw");
}

async function makeOurs(path: string, { raw, backed, extendedL2 }: Kind): Promise<void> {
  const data = dataOf(path);
  const image = await Qcow2Image.create(await FsBackend.open(path, { write: true, create: "new" }), {
    size: SIZE,
    extendedL2,
    dataFile: { name: data, raw, backend: await FsBackend.open(data, { write: true, create: "new" }) },
    backing: backed ? { name: "base", format: "raw" } : undefined,
    backingBackend: backed ? await FsBackend.open(path.replace("image.qcow2", "base")) : undefined,
  });
  await image.close();
}

function makeTheirs(path: string, { raw, backed, extendedL2 }: Kind): void {
  const options = [`data_file=${dataOf(path)}`, `data_file_raw=${raw ? "on" : "off"}`];
  if (extendedL2) options.push("extended_l2=on");
  const backing = backed ? ["-b", "base", "-F", "raw"] : [];
  qemuImg("create", "-q", "-f", "qcow2", "-o", options.join(","), ...backing, path, String(SIZE));
}

/** Looks at the image with QEMU, and at a raw data file by itself. */
async function judge(path: string, kind: Kind, expected: Uint8Array): Promise<void> {
  const report = qemuImgJson(["check", "--output=json", path]);
  expect({ leaks: report["leaks"], corruptions: report["corruptions"] }).toEqual({});
  await writeFile(`${path}.expected`, expected);
  qemuImg("compare", "-q", "-f", "qcow2", "-F", "raw", path, `${path}.expected`);
  // QEMU makes the file longer than the disk, up to whole clusters.
  if (kind.raw) expect(firstDifference((await readFile(dataOf(path))).subarray(0, expected.length), expected)).toBe(-1);
}

describe.skipIf(!hasQemu)(`data files, QEMU and we in turn${qemuNote} [INSTAR_SEED=${seed}]`, () => {
  for (const maker of ["we", "QEMU"]) {
    it.each(kinds)(`made by ${maker}, raw $raw, over a backing file $backed, extended L2 $extendedL2`, async (kind) => {
      using scratch = new Scratch();
      const path = scratch.file("image.qcow2");
      const before = new Uint8Array(SIZE);
      if (kind.backed) before.fill(77, 0, 2_000_000);
      await writeFile(scratch.file("base"), before.subarray(0, 2_000_000));
      if (maker === "we") await makeOurs(path, kind);
      else makeTheirs(path, kind);
      const random = new Random(seed + Number(kind.raw));
      const model = new ModelDisk(before, random);
      for (let turn = 0; turn < 4; turn++) {
        const image = await openImage(path, true, 4);
        for (let step = 0; step < 60; step++) await model.step(image);
        expect(firstDifference(await contents(image), model.bytes)).toBe(-1);
        await image.close();
        await judge(path, kind, model.bytes);
        const commands = Array.from({ length: 10 }, () => {
          const offset = random.below(SIZE - 512);
          const length = Math.min(SIZE - offset, 1 + random.below(150_000));
          const pattern = random.of(0, 1 + random.below(255));
          model.bytes.fill(pattern, offset, offset + length);
          return pattern === 0 ? `write -z ${offset} ${length}` : `write -P ${pattern} ${offset} ${length}`;
        });
        qemuIo(path, ...commands);
        await judge(path, kind, model.bytes);
      }
    });
  }

  it("resizes in turn", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image.qcow2");
    const kind = { raw: true, backed: false, extendedL2: false };
    makeTheirs(path, kind);
    qemuIo(path, `write -P 5 0 ${SIZE}`);
    const expected = new Uint8Array(2 * SIZE).fill(5, 0, 1_000_448);
    const image = await openImage(path, true);
    await image.truncate(1_000_448);
    await image.truncate(SIZE);
    await image.close();
    await judge(path, kind, expected.subarray(0, SIZE));
    qemuImg("resize", "-q", path, String(2 * SIZE));
    await judge(path, kind, expected);
    expect(firstDifference(await contents(await openImage(path)), expected)).toBe(-1);
  });
});
