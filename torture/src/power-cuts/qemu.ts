import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const hasQemu = spawnSync("qemu-img", ["--version"]).status === 0;

/** What `qemu-img check` has against a qcow2 image: nothing is "". `undefined` where there is no QEMU. */
export function qemuFinds(image: Uint8Array): string | undefined {
  if (!hasQemu) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "instar-torture-"));
  try {
    const path = join(folder, "image.qcow2");
    writeFileSync(path, image);
    // What images name as their backing file is opened, and not looked into.
    writeFileSync(join(folder, "base"), new Uint8Array(512));
    const { status, stdout, stderr } = spawnSync("qemu-img", ["check", "-f", "qcow2", path], { encoding: "utf8" });
    // 3 is leaks and nothing else.
    return status === 0 || status === 3 ? "" : `${stdout}${stderr}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
