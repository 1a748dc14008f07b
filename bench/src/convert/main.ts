import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../measure.js";
import { figure, publish, table } from "../table.js";

const MIB = 1024 * 1024;
const SIZE = 1024 * MIB;
const PACKED_SIZE = 256 * MIB;
const INSTAR = fileURLToPath(new URL("../../../packages/cli/bin/instar.cjs", import.meta.url));

/** What is measured: the options of both programs, and which file is converted to which format. */
const copies = [
  { title: "raw to qcow2, not waiting for storage", options: ["-t", "unsafe"], from: "raw", to: "qcow2" },
  { title: "qcow2 to raw, not waiting for storage", options: ["-t", "unsafe"], from: "qcow2", to: "raw" },
  { title: "raw to qcow2, durable at the end", options: ["-t", "writeback"], from: "raw", to: "qcow2" },
  { title: "qcow2 to raw, durable at the end", options: ["-t", "writeback"], from: "qcow2", to: "raw" },
] as const;

/** The same for compressed clusters. */
const packings = ["zlib", "zstd"].map(
  (type) =>
    ({
      title: `raw to qcow2, \`-c -o compression_type=${type}\`, not waiting for storage`,
      options: ["-t", "unsafe", "-c", "-o", `compression_type=${type}`],
      from: "words",
      to: "qcow2",
    }) as const,
);

type Job = (typeof copies)[number] | (typeof packings)[number];

/** Bytes without a pattern. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let at = 0; at < length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes.writeInt32LE(state, at);
  }
  return bytes;
}

/** A raw image of which every other MiB is a hole, and the rest bytes without a pattern. */
async function makeSource(path: string): Promise<void> {
  const bytes = noise(MIB);
  const file = await open(path, "w");
  await file.truncate(SIZE);
  for (let at = 0; at < SIZE; at += 2 * MIB) await file.write(bytes, 0, MIB, at);
  await file.close();
}

/** Seconds that a command takes, its start included; `undefined` where the program is not installed. */
function seconds(program: string, argv: readonly string[]): number | undefined {
  const begin = performance.now();
  const { error, status } = spawnSync(program, [...argv], { stdio: "inherit" });
  if (error) return undefined;
  if (status !== 0) throw new Error(`${program} ${argv.join(" ")}: exit code ${status}`);
  return (performance.now() - begin) / 1000;
}

/** A raw image that shrinks to half its size: seven parts of words that come again and again, one part without a pattern. */
async function makeWords(path: string): Promise<void> {
  const bytes = noise(MIB);
  const words = Array.from({ length: 2000 }, (_, index) => bytes.subarray(index * 16, index * 16 + 3 + (index % 9)));
  for (let at = MIB / 8; at < MIB - 32;) {
    const word = words[bytes.readUInt32LE(at) % words.length]?.toString("base64") ?? "";
    at += bytes.write(`${word} `, at, "latin1");
  }
  const file = await open(path, "w");
  for (let at = 0; at < PACKED_SIZE; at += MIB) {
    bytes.writeUInt32LE(at, MIB / 2);
    await file.write(bytes, 0, MIB, at);
  }
  await file.close();
}

const folder = await mkdtemp(join(tmpdir(), "instar-bench-"));
const files = {
  raw: join(folder, "source.raw"),
  qcow2: join(folder, "source.qcow2"),
  words: join(folder, "words.raw"),
};

/** Seconds of ours, and how many times as long the other takes: both in turns, and each of them first every other time. */
async function measured({ title, options, from, to }: Job, rounds: number): Promise<string[]> {
  const ours: number[] = [];
  const ratios: number[] = [];
  const target = join(folder, `target.${to}`);
  const format = from === "qcow2" ? "qcow2" : "raw";
  const argv = ["convert", ...options, "-f", format, "-O", to, files[from], target];
  const run = async (program: string, before: readonly string[]): Promise<number | undefined> => {
    await rm(target, { force: true });
    return seconds(program, [...before, ...argv]);
  };
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0 ? await run("qemu-img", []) : undefined;
    const mine = (await run(process.execPath, [INSTAR])) ?? Number.NaN;
    const theirs = first ?? (await run("qemu-img", []));
    ours.push(mine);
    if (theirs !== undefined) ratios.push(theirs / mine);
  }
  const ratio = ratios.length > 0 ? figure(median(ratios)) : "qemu-img is not installed";
  return [title, figure(median(ours)), ratio];
}

async function rowsOf(jobs: readonly Job[], rounds: number): Promise<string[][]> {
  const rows: string[][] = [];
  for (const job of jobs) rows.push(await measured(job, rounds));
  return rows;
}

try {
  await makeSource(files.raw);
  await makeWords(files.words);
  seconds(process.execPath, [INSTAR, "convert", "-f", "raw", "-O", "qcow2", files.raw, files.qcow2]);
  const columns = ["seconds", "speed, `qemu-img convert` = 1"];
  await publish("convert", "`instar convert` against `qemu-img convert`, start of the program included", [
    table(["1 GiB, every other MiB a hole, page cache warm", ...columns], await rowsOf(copies, 9)),
    table(["256 MiB that shrink to half, page cache warm", ...columns], await rowsOf(packings, 3)),
  ]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
