import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A program that serves an image on a socket. */
export interface NbdProgram {
  readonly name: string;
  /** Its command line. */
  command(image: string, socket: string): readonly [string, ...string[]];
}

const instar = fileURLToPath(new URL("../bin/instar.cjs", import.meta.resolve("@instar/cli")));

/** Those that are compared. The first is the measure of the others. */
export const programs: readonly NbdProgram[] = [
  {
    name: "qemu-nbd",
    command: (image, socket) => ["qemu-nbd", "-t", "-e", "16", "-f", "qcow2", "--cache=writeback", "-k", socket, image],
  },
  {
    name: "instar serve",
    command: (image, socket) => [process.execPath, instar, "serve", "-f", "qcow2", "-k", socket, image],
  },
];

/** Serves an image while something is done with its URL. */
export async function whileServed<T>(
  program: NbdProgram,
  image: string,
  socket: string,
  work: (url: string) => T,
): Promise<T> {
  const [command, ...argv] = program.command(image, socket);
  const child: ChildProcess = spawn(command, argv, { stdio: ["ignore", "ignore", "inherit"] });
  const end = once(child, "exit");
  try {
    while (!existsSync(socket)) {
      if (child.exitCode !== null) throw new Error(`${program.name} does not start`);
      await setTimeout(10);
    }
    return work(`nbd+unix:///?socket=${socket}`);
  } finally {
    child.kill("SIGTERM");
    await end;
  }
}
