import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { figure, table } from "../table.js";
import { timeOf } from "./command-time.js";
import { FarStore } from "./far-store.js";
import { credentials } from "./sdk-reader.js";
import { type Tool, tools, type Workload, workloads } from "./workloads.js";

const ROUND_TRIPS = [1, 20, 100];

/** Runs the same commands by several tools on a disk behind lines of several lengths. */
export async function compareTools(script: string, instar: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "instar-bench-"));
  try {
    const disk = makeDisk(folder, instar);
    const present = tools(instar).filter(({ check: [program = "", ...rest] }) => spawnSync(program, rest).status === 0);
    const stores: FarStore[] = [];
    for (const roundTrip of ROUND_TRIPS) stores.push(await FarStore.start(script, roundTrip, disk));
    const sections: string[] = [];
    for (const workload of workloads(folder)) sections.push(await section(workload, present, stores));
    for (const store of stores) store.stop();
    return sections;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A qcow2 disk of 128 MiB, all of it data. */
function makeDisk(folder: string, instar: string): string {
  const [raw, disk] = [join(folder, "disk.raw"), join(folder, "disk.qcow2")];
  const bytes = new Uint32Array(2 ** 25);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Math.imul(at, 2_654_435_761);
  writeFileSync(raw, bytes);
  const { status } = spawnSync(process.execPath, [instar, "convert", "-O", "qcow2", raw, disk]);
  if (status !== 0) throw new Error("the disk cannot be made");
  return disk;
}

async function section(workload: Workload, present: readonly Tool[], stores: readonly FarStore[]): Promise<string> {
  const env = {
    ...process.env,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  const rows: string[][] = [];
  for (const tool of present.filter((each) => each.serves?.(workload) ?? true)) {
    const times: string[] = [];
    let asked = "|";
    for (const store of stores) {
      const { cell, asked: counted } = await timeOf(tool.command(workload, store.origin), env, store);
      if (counted) asked = `${counted.requests} | ${figure(counted.bytes / 2 ** 20)}`;
      times.push(cell);
    }
    rows.push([tool.name, asked, ...times]);
  }
  const head = ["", "requests", "MiB", ...ROUND_TRIPS.map((milliseconds) => `s at ${milliseconds} ms`)];
  return `## ${workload.title}\n\n${table(head, rows)}`;
}
