import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FsBackend } from "@instar/backend-fs";
import { Qcow2Image } from "@instar/qcow2";
import { median } from "../measure.js";
import { figure, publish, table } from "../table.js";
import { compareCompression } from "./compression.js";
import { compareEncryption } from "./encryption.js";
import { fill, type Load, randomReads, seconds } from "./ours.js";
import { qemuSeconds } from "./qemu.js";
import { compareSubclusters } from "./subclusters.js";

const MIB = 1024 * 1024;
const ROUNDS = 5;
/** Coprime to the cluster size, so that every request is somewhere else. */
const STEP = 4096 * 17;

const loads: readonly Load[] = [1, 16].flatMap((depth) => [
  { title: `read 4 KiB, ${depth} at a time`, write: false, bytes: 4096, depth, count: 30_000, step: STEP },
  { title: `write 4 KiB, ${depth} at a time`, write: true, bytes: 4096, depth, count: 30_000, step: STEP },
  { title: `read 1 MiB, ${depth} at a time`, write: false, bytes: MIB, depth, count: 500, step: MIB },
  { title: `write 1 MiB, ${depth} at a time`, write: true, bytes: MIB, depth, count: 500, step: MIB },
]);

async function compare(path: string): Promise<string[][]> {
  const rows: string[][] = [];
  for (const load of loads) {
    const ours: number[] = [];
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const image = await Qcow2Image.open(await FsBackend.open(path, { write: true }), { write: true });
      const mine = await seconds(image, load);
      await image.close();
      const theirs = qemuSeconds(path, load);
      ours.push(mine);
      if (theirs !== undefined) ratios.push(theirs / mine);
    }
    const speed = load.count / median(ours);
    rows.push([load.title, speed.toFixed(0), ratios.length > 0 ? figure(median(ratios)) : "qemu-img is not installed"]);
  }
  return rows;
}

/** How much slower an image is than the file it is in. */
async function overFile(path: string): Promise<string> {
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const file = await FsBackend.open(path);
    const bare = await randomReads(file, 16, 30_000);
    const image = await Qcow2Image.open(file);
    ratios.push(bare / (await randomReads(image, 16, 30_000)));
    await image.close();
  }
  return `Random 4 KiB reads, 16 at a time: an image has ${figure(median(ratios))} times the speed of its bare file.`;
}

const folder = await mkdtemp(join(tmpdir(), "instar-bench-"));
try {
  const path = join(folder, "image.qcow2");
  const image = await Qcow2Image.create(await FsBackend.open(path, { write: true, create: "new" }), {
    size: 1024 * MIB,
  });
  const begin = performance.now();
  await fill(image);
  await image.sync();
  const filling = `Filling 1 GiB of a new image and syncing: ${figure(1024 / ((performance.now() - begin) / 1000))} MiB/s.`;
  await image.close();
  const head = ["in place, page cache warm", "requests/s", "speed, `qemu-img bench` = 1"];
  await publish("qcow2", "qcow2 on a local file against QEMU", [
    table(head, await compare(path)),
    await overFile(path),
    filling,
    table(
      ["first 4 KiB of each cluster, over a raw file, 16 at a time", "requests/s", "speed, `qemu-img bench` = 1"],
      await compareSubclusters(folder),
    ),
    table(
      ["writing compressed, 64 KiB clusters", "MiB/s", "speed, `qemu-img convert -c` = 1"],
      await compareCompression(folder),
    ),
    table(
      ["encrypted, in place, 1 MiB at a time", "MiB/s", "speed, `qemu-img convert` = 1"],
      await compareEncryption(folder),
    ),
  ]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
