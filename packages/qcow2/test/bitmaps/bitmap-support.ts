import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";

import type { Qcow2Image } from "../../src/index.js";

/** A dirty bitmap as text: a 1 for each range of `granularity` bytes that is dirty. */
export async function ourBits(image: Qcow2Image, name: string, granularity: number): Promise<string> {
  let bits = "";
  let end = 0;
  for await (const { offset, length, dirty } of image.bitmaps.dirty(name)) {
    if (offset !== end) throw new Error(`a range begins at ${offset} instead of ${end}`);
    end = offset + length;
    bits += (dirty ? "1" : "0").repeat(Math.ceil(length / granularity));
  }
  return bits;
}

/** The same, as QEMU reads it, through an export of the bitmap that ends with its first client. */
export async function qemuBits(path: string, name: string, granularity: number): Promise<string> {
  const socket = `${path}.sock`;
  const server = spawn("qemu-nbd", ["-r", "-f", "qcow2", "-B", name, "-k", socket, path], { stdio: "inherit" });
  const ended = once(server, "exit");
  const where = `driver=nbd,server.type=unix,server.path=${socket},x-dirty-bitmap=qemu:dirty-bitmap:${name}`;
  try {
    // Once it listens, the first client is let in; those who come before fail.
    for (;;) {
      const map = spawnSync("qemu-img", ["map", "--output=json", "--image-opts", where], { encoding: "utf8" });
      if (map.status === 0) return bitsOf(map.stdout, granularity);
      if (server.exitCode !== null) throw new Error(`qemu-nbd ended; qemu-img: ${map.stderr}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    server.kill();
    await ended;
    rmSync(socket, { force: true });
  }
}

/** What is dirty the export tells by telling that it has no data. */
function bitsOf(map: string, granularity: number): string {
  const extents: { length: number; data: boolean }[] = JSON.parse(map);
  return extents.map(({ length, data }) => (data ? "0" : "1").repeat(Math.ceil(length / granularity))).join("");
}
