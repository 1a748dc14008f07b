import { fileURLToPath } from "node:url";
import { DescriptorOutput } from "./descriptor-output.js";
import type { Host, Output } from "./host.js";

/**
 * Signals to stop that come within so many milliseconds say the same: a terminal tells all programs of a pipe, and npx and
 * its like hand on what they are told.
 */
const SAME_WISH = 500;

/**
 * This process as a {@link Host}. A signal to stop that is repeated ends the process at once; SIGUSR1 asks how far it has come.
 *
 * @param self the command line that starts the program: Node.js and the executable of this package, where absent
 */
export function nodeHost(self: readonly string[] = [process.execPath, executable()]): Host {
  return {
    stdout: output(1),
    stderr: output(2),
    get stdin() {
      return process.stdin;
    },
    get terminal() {
      return process.stdout;
    },
    self,
    env: process.env,
    raise: (signal) => void process.kill(process.pid, signal),
    date: () => new Date(),
    now: () => performance.now(),
    onAsked(listener) {
      // Windows has no such signal.
      if (process.platform === "win32") return () => {};
      process.on("SIGUSR1", listener);
      return () => void process.off("SIGUSR1", listener);
    },
    onStop(listener) {
      let asked: number | undefined;
      const onSignal = (signal: NodeJS.Signals): void => {
        if (signal !== "SIGINT" && signal !== "SIGTERM") return;
        const now = performance.now();
        if (asked === undefined) {
          asked = now;
          listener(signal);
        } else if (now - asked > SAME_WISH) process.exit(signal === "SIGINT" ? 130 : 143);
      };
      process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
      return () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    },
  };
}

function output(descriptor: 1 | 2): Output {
  // The console of Windows wants its text in another encoding than that of files.
  if (process.platform !== "win32") return new DescriptorOutput(descriptor);
  const stream = descriptor === 1 ? process.stdout : process.stderr;
  // Whoever writes is told through the callback of the write; without a listener the process would die of the event.
  return stream.on("error", () => {});
}

function executable(): string {
  return fileURLToPath(new URL("../bin/instar.cjs", import.meta.url));
}
