import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { MemoryBackend, MemoryPages } from "@instar/backend";

import { formatLuks, type LuksFormatOptions } from "../src/index.js";

/** Whether qemu-img and qemu-io can be run here. */
export const hasQemu: boolean =
  spawnSync("qemu-img", ["--version"]).status === 0 && spawnSync("qemu-io", ["--version"]).status === 0;

/** For titles of tests that need QEMU. */
export const qemuNote: string = hasQemu ? "" : " (skipped: Debian package qemu-utils is not installed)";

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The passphrase of most volumes. */
export const PASSPHRASE: Uint8Array = bytesOf("correct horse");

/** Few rounds: these keys guard nothing. */
export const QUICK: Pick<LuksFormatOptions, "passphrase" | "iterations"> = { passphrase: PASSPHRASE, iterations: 1000 };

/** A backend with these bytes. */
export async function areaOf(bytes: Uint8Array): Promise<MemoryBackend> {
  const area = new MemoryBackend({ pages: new MemoryPages() });
  await area.write(bytes, 0);
  return area;
}

/** A new volume as a backend. */
export async function newArea(options: Partial<LuksFormatOptions> = {}): Promise<MemoryBackend> {
  return areaOf((await formatLuks({ ...QUICK, ...options })).bytes);
}

/** Bytes that differ from place to place. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >>> 8) * 13) & 255);
}

/** A directory of its own that is gone when the scope ends. */
export class Scratch implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "instar-luks-"));

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Runs a program of QEMU; throws with what it says when it fails. */
export function qemu(program: "qemu-img" | "qemu-io", ...args: string[]): string {
  for (;;) {
    try {
      return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      // How it measures PBKDF2 fails now and then, before anything is written.
      if (!String(error).includes("Unable to get accurate CPU usage")) throw error;
    }
  }
}

/** Bytes as text. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Text as bytes. */
export function ofHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
