import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inTurns, type Timed, timed } from "../measure.js";
import { figure, publish, table } from "../table.js";

const ROUNDS = 60;

const cli = fileURLToPath(new URL("..", import.meta.resolve("@instar/cli")));
const bin = join(cli, "bin/instar.cjs");
const standalone = join(cli, "dist/instar");
/** The same program without a bundle. */
const inModules = [
  `const { run } = await import(${JSON.stringify(join(cli, "dist/main.js"))});`,
  `const { nodeHost } = await import(${JSON.stringify(join(cli, "dist/node-host.js"))});`,
  "process.exitCode = await run(process.argv.slice(1), nodeHost());",
].join("\n");

function runs(program: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Timed {
  return () =>
    timed(1, () => {
      const { status, error } = spawnSync(program, argv, { stdio: "ignore", env: { ...process.env, ...env } });
      if (status !== 0) throw new Error(`${program} ${argv.join(" ")}: exit code ${status}`, { cause: error });
    });
}

const folder = await mkdtemp(join(tmpdir(), "instar-startup-"));
try {
  const image = join(folder, "disk.qcow2");
  await runs(process.execPath, [bin, "create", "-q", "-f", "qcow2", image, "1G"])();
  const info = ["info", image];
  const things = new Map<string, Timed>([
    ["`node -e 0`", runs(process.execPath, ["-e", "0"])],
    ["`instar info` of an empty qcow2 image", runs(process.execPath, [bin, ...info])],
    [
      "the same with `NODE_DISABLE_COMPILE_CACHE`",
      runs(process.execPath, [bin, ...info], { NODE_DISABLE_COMPILE_CACHE: "1" }),
    ],
    ["the same by the executable that needs no Node.js", runs(standalone, info)],
    [
      "the same in modules, without the bundle",
      runs(process.execPath, ["--input-type=module", "-e", inModules, "--", ...info]),
    ],
    ["`instar --version`", runs(process.execPath, [bin, "--version"])],
    ["`instar --version` by the executable that needs no Node.js", runs(standalone, ["--version"])],
  ]);
  if (existsSync("/usr/bin/qemu-img")) things.set("`qemu-img info`", runs("qemu-img", info));
  const measured = await inTurns(ROUNDS, things);
  const qemu = measured.find(({ name }) => name === "`qemu-img info`")?.nanoseconds;
  const rows = measured.map(({ name, nanoseconds, ratio }) => [
    name,
    figure(nanoseconds / 1e6),
    figure(ratio),
    qemu === undefined ? "" : figure(nanoseconds / qemu),
  ]);
  await publish("startup", "From the command line to its end", [
    `Median of ${ROUNDS} runs of each, in turn.`,
    table(["command", "ms", "`node -e 0` = 1", "`qemu-img info` = 1"], rows),
  ]);
} finally {
  await rm(folder, { recursive: true });
}
