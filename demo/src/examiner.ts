import { spawnSync } from "node:child_process";

/** What qemu-img says, or that it is not here to be asked. */
export function askQemu(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync("qemu-img", args, { encoding: "utf8" });
  if (error) return "(qemu-img is not installed here)";
  const text = `${stdout}${stderr}`.trim().split("\n").slice(0, 2).join(" ");
  return status === 0 ? text : `FAILED with ${status}: ${text}`;
}
