import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { FsBackend } from "@instar/backend-fs";
import { Qcow2Image } from "@instar/qcow2";
import { median } from "../measure.js";
import { figure } from "../table.js";

const MIB = 1024 * 1024;
const SIZE = 128 * MIB;
/** Handed to `writeCompressed` at once. */
const PIECE = 8 * MIB;
const ROUNDS = 5;
const WORDS = ["disk", "image", "cluster", "refcount", "table", "guest", "backing", "snapshot", "\n", "0x", "::", " "];

/** Bytes that shrink to about a third, as the files on a disk do. */
function content(): Uint8Array {
  const bytes = Buffer.alloc(SIZE);
  let state = 1;
  for (let at = 0; at < SIZE;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const word = `${WORDS[(state >>> 16) % WORDS.length]}${(state >>> 20) % 9973}`;
    at += bytes.write(word, at, "latin1");
  }
  return bytes;
}

/** How fast compressed clusters are written, here and by `qemu-img convert -c`: a row for each way to pack them. */
export async function compareCompression(folder: string): Promise<string[][]> {
  const bytes = content();
  const raw = join(folder, "source.raw");
  const target = join(folder, "packed.qcow2");
  const source = await FsBackend.open(raw, { write: true, create: "new" });
  await source.write(bytes, 0);
  await source.close();
  const rows: string[][] = [];
  for (const type of ["zlib", "zstd"] as const) {
    const ours: number[] = [];
    const ratios: number[] = [];
    let size = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await rm(target, { force: true });
      const begin = performance.now();
      const file = await FsBackend.open(target, { write: true, create: "new" });
      const image = await Qcow2Image.create(file, { size: SIZE, compressionType: type });
      for (let at = 0; at < SIZE; at += PIECE) await image.writeCompressed(bytes.subarray(at, at + PIECE), at);
      size = file.size;
      await image.close();
      const mine = (performance.now() - begin) / 1000;
      ours.push(mine);
      const theirs = qemuSeconds(raw, target, type);
      if (theirs !== undefined) ratios.push(theirs / mine);
    }
    const speed = SIZE / MIB / median(ours);
    const ratio = ratios.length > 0 ? figure(median(ratios)) : "qemu-img is not installed";
    rows.push([`${type}, to ${Math.round((100 * size) / SIZE)} %`, figure(speed), ratio]);
  }
  await rm(raw);
  await rm(target);
  return rows;
}

function qemuSeconds(raw: string, target: string, type: string): number | undefined {
  const args = ["convert", "-c", "-f", "raw", "-O", "qcow2", "-o", `compression_type=${type}`, raw, target];
  const begin = performance.now();
  const { error, status } = spawnSync("qemu-img", args);
  return error || status !== 0 ? undefined : (performance.now() - begin) / 1000;
}
