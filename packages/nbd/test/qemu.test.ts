import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MemoryBackend } from "@instar/backend";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NbdServer } from "../src/index.js";

const run = promisify(execFile);
const missing = ["qemu-img", "qemu-io"].some((name) => spawnSync(name, ["--version"]).status !== 0);
const note = missing ? " (skipped: Debian package qemu-utils is not installed)" : "";
const SIZE = 8 * 1024 * 1024 + 512;

let folder: string;
let disk: MemoryBackend;
let server: NbdServer;
let port: number;
let tcp: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "instar-nbd-"));
  disk = new MemoryBackend({ size: SIZE });
  server = new NbdServer({
    exports: [
      { name: "disk", backend: disk, description: "a disk" },
      { name: "fixed", backend: disk, readOnly: true },
    ],
  });
  port = (await server.listen({ port: 0, host: "127.0.0.1" })) ?? 0;
  tcp = `nbd://127.0.0.1:${port}/disk`;
});

afterEach(async () => {
  await server.close();
  await disk.close();
  await rm(folder, { recursive: true });
});

async function content(): Promise<Uint8Array> {
  const bytes = new Uint8Array(disk.size);
  await disk.read(bytes, 0);
  return bytes;
}

describe.skipIf(missing)(`with QEMU as the client${note}`, () => {
  test("what qemu-io writes, zeroes and discards is in the backend", async () => {
    const commands = ["write -P 7 1M 3M", "write -z 2M 64k", "write -z -u 3M 64k", "discard 0 64k", "flush"];
    await run("qemu-io", ["-f", "raw", ...commands.flatMap((c) => ["-c", c]), tcp]);
    const expected = new Uint8Array(SIZE);
    expected.fill(7, 1 << 20, 4 << 20);
    expected.fill(0, 2 << 20, (2 << 20) + 65_536);
    expected.fill(0, 3 << 20, (3 << 20) + 65_536);
    expect(Buffer.compare(await content(), expected)).toBe(0);
  });

  test("qemu-img converts out of it and into it, over a Unix socket", async () => {
    const path = join(folder, "socket");
    await server.listen({ path });
    const bytes = new Uint8Array(SIZE).map((_, at) => (at % 1_000_000 < 300_000 ? at % 251 : 0));
    const raw = join(folder, "raw");
    await writeFile(raw, bytes);
    const url = `nbd+unix:///disk?socket=${path}`;
    await run("qemu-img", ["convert", "-n", "-f", "raw", "-O", "raw", raw, url]);
    expect(Buffer.compare(await content(), bytes)).toBe(0);
    const image = join(folder, "qcow2");
    await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", url, image]);
    await run("qemu-img", ["check", image]);
    await run("qemu-img", ["convert", "-O", "raw", image, `${raw}2`]);
    expect(Buffer.compare(await readFile(`${raw}2`), bytes)).toBe(0);
  });

  test("qemu-img map sees holes and data", async () => {
    await disk.write(new Uint8Array(1 << 20).fill(1), 1 << 20);
    const { stdout } = await run("qemu-img", ["map", "--output=json", "-f", "raw", tcp]);
    const runs = (JSON.parse(stdout) as { start: number; length: number; data: boolean }[]).map((r) => [
      r.start,
      r.data,
    ]);
    expect(runs).toEqual([
      [0, false],
      [1 << 20, true],
      [2 << 20, false],
    ]);
  });

  test("a read-only export refuses a client that wants to write", async () => {
    const url = `nbd://127.0.0.1:${port}/fixed`;
    await expect(run("qemu-io", ["-f", "raw", "-c", "write 0 512", url])).rejects.toThrow(/Permission denied/);
    await run("qemu-io", ["-r", "-f", "raw", "-c", "read -P 0 0 512", url]);
  });

  test("an export that is not there is refused, and the server goes on", async () => {
    await expect(run("qemu-img", ["info", `nbd://127.0.0.1:${port}/none`])).rejects.toThrow(/export/);
    await run("qemu-img", ["info", tcp]);
  });
});
