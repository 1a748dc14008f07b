import { inTurns, median, timed } from "../measure.js";
import { figure, table } from "../table.js";
import type { Reader } from "./readers.js";
import { SIZE } from "./server.js";

/** How many reads are under way at any moment. */
const AT_ONCE = 8;

/** Reads of one length at places spread so far that no two could share a request, eight at a time. */
export async function ranges(
  readers: readonly Reader[],
  length: number,
  count: number,
  rounds: number,
): Promise<string> {
  const cpu = new Map(readers.map(({ name }): [string, number[]] => [name, []]));
  const things = readers.map((reader): [string, () => Promise<number>] => [
    reader.name,
    async () => {
      const before = process.cpuUsage();
      const time = await timed(count, () => readAll(reader, length, count));
      const { user, system } = process.cpuUsage(before);
      cpu.get(reader.name)?.push((user + system) / 1000 / count);
      return time;
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
  const head = ["", "requests/s", "MiB/s", "CPU of the client, ms each", "time, bare dispatch = 1"];
  return `## ${length / 1024} KiB, ${AT_ONCE} at a time\n\n${table(head, rows)}`;
}

async function readAll(reader: Reader, length: number, count: number): Promise<void> {
  const places = Math.floor(SIZE / (2 * length));
  let next = 0;
  const worker = async (): Promise<void> => {
    const target = new Uint8Array(length);
    // A step prime to the number of places visits all of them, each far from the one before.
    while (next < count) await reader.read(target, ((next++ * 37) % places) * 2 * length);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
