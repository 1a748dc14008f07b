import { inTurns, median } from "../measure.js";
import { figure, table } from "../table.js";
import { AT_ONCE, type ReaderProcess } from "./reader-process.js";

/** Reads of one length, eight at a time, by each reader in turn. The first reader is what the others are held against. */
export async function ranges(
  readers: readonly ReaderProcess[],
  length: number,
  count: number,
  rounds: number,
): Promise<string> {
  const cpu = new Map(readers.map(({ name }): [string, number[]] => [name, []]));
  const things = readers.map((reader): [string, () => Promise<number>] => [
    reader.name,
    async () => {
      const time = await reader.run(length, count);
      cpu.get(reader.name)?.push(time.cpu);
      return time.nanoseconds;
    },
  ]);
  const found = await inTurns(rounds, new Map(things));
  const rows = found.map(({ name, nanoseconds, ratio }) => [
    name,
    figure(1e9 / nanoseconds),
    figure((length * 1e9) / nanoseconds / 2 ** 20),
    figure(median(cpu.get(name)?.slice(1) ?? [])),
    figure(ratio),
  ]);
  const head = ["", "requests/s", "MiB/s", "CPU of the client, ms each", "time, first row = 1"];
  return `## ${length / 1024} KiB, ${AT_ONCE} at a time\n\n${table(head, rows)}`;
}
