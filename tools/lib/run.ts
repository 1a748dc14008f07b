import { spawnSync } from "node:child_process";

/** What a program printed and how it ended. */
export interface Outcome {
  readonly ok: boolean;
  readonly stdout: string;
  /** Standard output and standard error, trimmed. */
  readonly output: string;
}

/** Runs a program to its end and keeps what it prints. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Outcome {
  const result = spawnSync(command, args, { ...options, encoding: "utf8", maxBuffer: 1 << 28 });
  if (result.error) return { ok: false, stdout: "", output: result.error.message };
  const { stdout, stderr, status, signal } = result;
  const output = [stdout, stderr, signal ? `ended by ${signal}` : ""].map((text) => text.trim());
  return { ok: status === 0, stdout, output: output.filter((text) => text !== "").join("\n") };
}
