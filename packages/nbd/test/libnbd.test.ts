import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MemoryBackend } from "@instar/backend";
import { expect, test } from "vitest";
import { NbdServer } from "../src/index.js";

const run = promisify(execFile);
const missing = spawnSync("nbdcopy", ["--version"]).status !== 0;
const note = missing ? " (skipped: Debian package libnbd-bin is not installed)" : "";

test.skipIf(missing)(`nbdinfo and nbdcopy of libnbd get along with it${note}`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "instar-nbd-"));
  const disk = new MemoryBackend({ size: 20_000_123 });
  await disk.write(new Uint8Array(5_000_000).fill(3), 1_000_001);
  const copy = new MemoryBackend({ size: disk.size });
  const server = new NbdServer({
    exports: [
      { name: "a", backend: disk, description: "the first" },
      { name: "b", backend: copy },
    ],
  });
  try {
    const path = join(folder, "socket");
    await server.listen({ path });
    const url = (name: string) => `nbd+unix:///${name}?socket=${path}`;
    const { stdout } = await run("nbdinfo", ["--list", "--json", url("")]);
    const { exports } = JSON.parse(stdout) as { exports: Record<string, unknown>[] };
    expect(exports.map((found) => found["export-name"])).toEqual(["a", "b"]);
    expect(exports[0]).toMatchObject({
      description: "the first",
      "export-size": disk.size,
      contexts: ["base:allocation"],
      can_multi_conn: true,
      can_fua: true,
      can_trim: true,
      can_fast_zero: true,
      can_df: true,
      can_cache: false,
      is_read_only: false,
    });
    await run("nbdcopy", ["--connections=4", "--requests=16", "--flush", url("a"), url("b")]);
    const file = join(folder, "file");
    await run("nbdcopy", [url("b"), file]);
    const expected = new Uint8Array(disk.size);
    await disk.read(expected, 0);
    expect(Buffer.compare(await readFile(file), expected)).toBe(0);
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
});
