import { rm } from "node:fs/promises";
import { join } from "node:path";
import { FsBackend } from "@instar/backend-fs";
import { Qcow2Image } from "@instar/qcow2";
import { median } from "../measure.js";
import { figure } from "../table.js";
import { fill, type Load, seconds } from "./ours.js";
import { qemuSeconds } from "./qemu.js";

const SIZE = 256 * 1024 * 1024;
const CLUSTER = 65_536;
const ROUNDS = 5;

/** The first write to each cluster, at its beginning: what follows it there has to be copied. */
const load: Load = { title: "", write: true, bytes: 4096, depth: 16, count: SIZE / CLUSTER - 1, step: CLUSTER };

/**
 * How fast small writes are that each take a new cluster of an image over another file: a row for whole clusters, and one
 * for subclusters, of which less has to be copied.
 */
export async function compareSubclusters(folder: string): Promise<string[][]> {
  const base = join(folder, "base.raw");
  const file = await FsBackend.open(base, { write: true, create: "new" });
  await file.truncate(SIZE);
  await fill(file);
  await file.close();
  const rows: string[][] = [];
  for (const extendedL2 of [false, true]) {
    const ours: number[] = [];
    const ratios: number[] = [];
    let size = 0;
    // So few requests would measure how the code becomes warm: the first round does not count.
    for (let round = -1; round < ROUNDS; round++) {
      const mine = await withOverlay(folder, extendedL2, async (image) => seconds(image, load));
      size = mine.fileSize;
      if (round < 0) continue;
      ours.push(mine.result);
      const empty = await withOverlay(folder, extendedL2, async () => undefined);
      const theirs = qemuSeconds(empty.path, load);
      if (theirs !== undefined) ratios.push(theirs / mine.result);
    }
    const ratio = ratios.length > 0 ? figure(median(ratios)) : "qemu-img is not installed";
    const title = `${extendedL2 ? "32 subclusters" : "whole clusters"}, ${figure(size / 2 ** 20)} MiB of file`;
    rows.push([title, (load.count / median(ours)).toFixed(0), ratio]);
  }
  await rm(base);
  return rows;
}

/** Makes an image over the base, and works with it. */
async function withOverlay<T>(
  folder: string,
  extendedL2: boolean,
  work: (image: Qcow2Image) => Promise<T>,
): Promise<{ readonly path: string; readonly result: T; readonly fileSize: number }> {
  const path = join(folder, "overlay.qcow2");
  await rm(path, { force: true });
  const file = await FsBackend.open(path, { write: true, create: "new" });
  const image = await Qcow2Image.create(file, {
    size: SIZE,
    clusterSize: CLUSTER,
    extendedL2,
    backing: { name: "base.raw", format: "raw" },
    backingBackend: await FsBackend.open(join(folder, "base.raw")),
  });
  const result = await work(image);
  const fileSize = file.size;
  await image.close();
  return { path, result, fileSize };
}
