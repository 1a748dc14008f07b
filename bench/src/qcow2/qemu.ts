import { spawnSync } from "node:child_process";
import type { Load } from "./ours.js";

/** Seconds that `qemu-img bench` takes for the same load on the same image, or `undefined` where it is not installed. */
export function qemuSeconds(path: string, load: Load, format = "qcow2"): number | undefined {
  const flags = ["-f", format, "-t", "writeback", ...(load.write ? ["-w"] : [])];
  const size = ["-c", String(load.count), "-d", String(load.depth), "-s", String(load.bytes), "-S", String(load.step)];
  const { stdout, error } = spawnSync("qemu-img", ["bench", ...flags, ...size, path], { encoding: "utf8" });
  if (error) return undefined;
  const told = /completed in ([\d.]+) seconds/.exec(stdout)?.[1];
  return told === undefined ? undefined : Number(told);
}
