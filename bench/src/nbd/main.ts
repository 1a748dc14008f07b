import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FsBackend } from "@instar/backend-fs";
import { Qcow2Image } from "@instar/qcow2";
import { median } from "../measure.js";
import { fill, type Load } from "../qcow2/ours.js";
import { qemuSeconds } from "../qcow2/qemu.js";
import { figure, publish, table } from "../table.js";
import { programs, whileServed } from "./servers.js";

const MIB = 1024 * 1024;
const SIZE = 512 * MIB;
const ROUNDS = 5;
/** Coprime to the cluster size, so that every request is somewhere else. */
const STEP = 4096 * 17;

const loads: readonly Load[] = [false, true].flatMap((write) => {
  const title = write ? "write" : "read";
  return [
    { title: `${title} 4 KiB, 1 at a time`, write, bytes: 4096, depth: 1, count: 4000, step: STEP },
    { title: `${title} 4 KiB, 16 at a time`, write, bytes: 4096, depth: 16, count: 20_000, step: STEP },
    { title: `${title} 1 MiB, 1 at a time`, write, bytes: MIB, depth: 1, count: 400, step: MIB },
    { title: `${title} 1 MiB, 16 at a time`, write, bytes: MIB, depth: 16, count: 800, step: MIB },
  ];
});

/** Seconds that nbdcopy takes for all of a disk. */
function copySeconds(url: string): number {
  const begin = performance.now();
  const { status, error } = spawnSync("nbdcopy", [url, "null:"], { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error("nbdcopy failed", { cause: error });
  return (performance.now() - begin) / 1000;
}

const jobs: readonly { readonly title: string; readonly seconds: (url: string) => number }[] = [
  ...loads.map((load) => ({
    title: `\`qemu-img bench\`: ${load.title}`,
    seconds(url: string): number {
      const taken = qemuSeconds(url, load, "raw");
      if (taken === undefined) throw new Error("qemu-img is not installed");
      return taken;
    },
  })),
  { title: "`nbdcopy`, 512 MiB", seconds: copySeconds },
];

const folder = await mkdtemp(join(tmpdir(), "instar-nbd-"));
try {
  const path = join(folder, "image.qcow2");
  const image = await Qcow2Image.create(await FsBackend.open(path, { write: true, create: "new" }), { size: SIZE });
  await fill(image);
  await image.close();
  const times = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const program of programs) {
      await whileServed(program, path, join(folder, `${program.name}-${round}`.replace(" ", "-")), (url) => {
        for (const { title, seconds } of jobs) {
          const key = `${program.name}: ${title}`;
          times.set(key, [...(times.get(key) ?? []), seconds(url)]);
        }
      });
    }
  }
  const rows = jobs.map(({ title }) => {
    const [theirs = [], ours = []] = programs.map(({ name }) => times.get(`${name}: ${title}`) ?? []);
    const ratios = ours.map((mine, round) => (theirs[round] ?? Number.NaN) / mine);
    return [title, ...[theirs, ours].map((all) => (median(all) * 1000).toFixed(0)), figure(median(ratios))];
  });
  await publish("nbd", "A qcow2 image over NBD, against qemu-nbd", [
    "Each client reads or writes the same image over a Unix socket, page cache warm, by each server in turn.",
    table(["", ...programs.map(({ name }) => `${name}, ms`), "speed, qemu-nbd = 1"], rows),
  ]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
