import { mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Digits that a measurement is worth. */
export function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Prints a report, and writes it to `bench/results/NAME.md`. */
export async function publish(name: string, title: string, sections: readonly string[]): Promise<void> {
  const cpu = os.cpus()[0]?.model ?? "unknown processor";
  const machine = `Node ${process.version}, ${os.cpus().length} cores (${cpu}). Ratios within one run matter, not the times.`;
  const text = [`# ${title}`, machine, ...sections].join("\n\n") + "\n";
  const folder = path.join(import.meta.dirname, "..", "results");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `${name}.md`), text);
  console.log(text);
}
