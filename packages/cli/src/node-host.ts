import type { Host } from "./host.js";

/** This process as a {@link Host}. A second signal to stop ends the process at once; SIGUSR1 asks how far it has come. */
export function nodeHost(): Host {
  // Whoever writes is told through the callback of the write; without a listener the process would die of the event.
  process.stdout.on("error", () => {});
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    get stdin() {
      return process.stdin;
    },
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
      let asked = false;
      const onSignal = (signal: NodeJS.Signals): void => {
        if (signal !== "SIGINT" && signal !== "SIGTERM") return;
        if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
        asked = true;
        listener(signal);
      };
      process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
      return () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    },
  };
}
