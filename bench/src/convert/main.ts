import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../measure.js";
import { figure, publish, table } from "../table.js";

const MIB = 1024 * 1024;
const SIZE = 1024 * MIB;
const ROUNDS = 7;
const INSTAR = fileURLToPath(new URL("../../../packages/cli/bin/instar.cjs", import.meta.url));

/** What is measured: the options of both programs, and which file is converted to which format. */
const jobs = [
  { title: "raw to qcow2, not waiting for storage", options: ["-t", "unsafe"], from: "raw", to: "qcow2" },
  { title: "qcow2 to raw, not waiting for storage", options: ["-t", "unsafe"], from: "qcow2", to: "raw" },
  { title: "raw to qcow2, durable at the end", options: ["-t", "writeback"], from: "raw", to: "qcow2" },
  { title: "qcow2 to raw, durable at the end", options: ["-t", "writeback"], from: "qcow2", to: "raw" },
] as const;

/** A raw image of which every other MiB is a hole, and the rest bytes without a pattern. */
async function makeSource(path: string): Promise<void> {
  const bytes = Buffer.alloc(MIB);
  let state = 1;
  for (let at = 0; at < MIB; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes.writeInt32LE(state, at);
  }
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

const folder = await mkdtemp(join(tmpdir(), "instar-bench-"));
try {
  const files = { raw: join(folder, "source.raw"), qcow2: join(folder, "source.qcow2") };
  await makeSource(files.raw);
  seconds(process.execPath, [INSTAR, "convert", "-f", "raw", "-O", "qcow2", files.raw, files.qcow2]);
  const rows: string[][] = [];
  for (const { title, options, from, to } of jobs) {
    const ours: number[] = [];
    const ratios: number[] = [];
    const target = join(folder, `target.${to}`);
    const argv = ["convert", ...options, "-f", from, "-O", to, files[from], target];
    for (let round = 0; round < ROUNDS; round++) {
      await rm(target, { force: true });
      const mine = seconds(process.execPath, [INSTAR, ...argv]) ?? Number.NaN;
      await rm(target, { force: true });
      const theirs = seconds("qemu-img", argv);
      ours.push(mine);
      if (theirs !== undefined) ratios.push(theirs / mine);
    }
    const ratio = ratios.length > 0 ? figure(median(ratios)) : "qemu-img is not installed";
    rows.push([title, figure(median(ours)), ratio]);
  }
  const head = ["1 GiB, every other MiB a hole, page cache warm", "seconds", "speed, `qemu-img convert` = 1"];
  await publish("convert", "`instar convert` against `qemu-img convert`, start of the program included", [
    table(head, rows),
  ]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
