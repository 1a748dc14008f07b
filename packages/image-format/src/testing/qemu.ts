/// <reference types="node" />
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether qemu-img and qemu-io can be run here. */
export const hasQemu: boolean = ["qemu-img", "qemu-io"].every((name) => spawnSync(name, ["--version"]).status === 0);

/** For titles of tests that need QEMU. */
export const qemuNote: string = hasQemu ? "" : " (skipped: Debian package qemu-utils is not installed)";

/** Runs qemu-img; throws with what it says when it fails. */
export function qemuImg(...args: string[]): string {
  for (;;) {
    try {
      return execFileSync("qemu-img", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      // How it measures PBKDF2 for LUKS fails now and then, before anything is written.
      if (!String(error).includes("Unable to get accurate CPU usage")) throw error;
    }
  }
}

/** What QEMU reads from an image. */
export function qemuContents(format: string, path: string): Uint8Array {
  qemuImg("convert", "-f", format, "-O", "raw", path, `${path}.raw`);
  return readFileSync(`${path}.raw`);
}

/** A directory of its own that is gone when the scope ends. */
export class Scratch implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "instar-image-"));

  /** The path of a file in it, which has `bytes` where they are given. */
  file(name: string, bytes?: Uint8Array): string {
    const path = join(this.path, name);
    if (bytes) writeFileSync(path, bytes);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
