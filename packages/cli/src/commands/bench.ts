import { OPEN_OPTIONS } from "../access.js";
import { type Arguments, integerIn } from "../args.js";
import { type BenchJob, runBench } from "../bench-run.js";
import { cacheMode } from "../cache-mode.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { withImage } from "../image.js";
import { openImage } from "../open-image.js";
import { fixed, parseSize } from "../sizes.js";

const OPTIONS = {
  count: { short: "c", value: "N", help: "how many requests (default: 75000)" },
  depth: { short: "d", value: "N", help: "how many may be under way at once (default: 64)" },
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  "flush-interval": { value: "N", help: "with -w: sync after N requests, which is at least the depth" },
  "no-drain": { help: "do not wait for requests under way before such a sync" },
  aio: { short: "i", value: "MODE", help: "accepted for scripts" },
  native: { short: "n", help: "accepted for scripts" },
  offset: { short: "o", value: "OFFSET", help: "where the first request is (default: 0)" },
  pattern: { value: "BYTE", help: "with -w: what to write (default: 0)" },
  quiet: { short: "q", help: "accepted for scripts" },
  "buffer-size": { short: "s", value: "SIZE", help: "length of a request (default: 4k)" },
  "step-size": { short: "S", value: "SIZE", help: "from one request to the next (default: the length)" },
  cache: { short: "t", value: "MODE", help: "none, writeback (default), writethrough, directsync or unsafe" },
  write: { short: "w", help: "write rather than read: what the image holds is lost" },
  "force-share": { short: "U", help: "without -w: also while another program writes to the image" },
  ...OPEN_OPTIONS,
} as const;

/** `instar bench` */
export const benchCommand: Command = defineCommand(
  {
    name: "bench",
    summary: "measure how fast an image is read or written",
    usage: "[-c N] [-d N] [-f FMT] [--flush-interval=N] [-o OFFSET] [-s SIZE] [-S SIZE] [-t MODE] [-w] [-U] FILE",
    options: OPTIONS,
    notes: ["Requests go from OFFSET upwards, and from the end on to the beginning."],
    examples: [
      ["bench disk.qcow2", "75000 reads of 4 KiB one behind the other, 64 at once"],
      ["bench -w -c 10000 -d 16 -s 64k --pattern=1 scratch.qcow2", "10000 writes of 64 KiB, 16 at once"],
    ],
  },
  bench,
);

/** The most that QEMU takes for counts and lengths. */
const MOST = 2_147_483_647;

async function bench(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) throw new UsageError("expecting one image file name");
  const how = howToBench(args);
  if (how.write && args.has("force-share")) throw new UsageError("-U cannot go with -w: a writer must lock");
  const unsafe = cacheMode("-t", args.value("cache")) === "unsafe";
  const image = await openImage(context, file, {
    format: formatOption(args.value("format")),
    write: how.write,
    share: args.has("force-share"),
    sparse: true,
  });
  return withImage(image, async ({ disk }) => {
    await context.print(description(how));
    const begun = context.host.now();
    const flushInterval = unsafe ? 0 : how.flushInterval;
    await runBench({ ...how, flushInterval, disk, signal: context.signal });
    await context.print(`Run completed in ${fixed((context.host.now() - begun) / 1000, 3)} seconds.\n`);
    if (how.write && !unsafe) await disk.sync({ signal: context.signal });
    return 0;
  });
}

function howToBench(args: Arguments<keyof typeof OPTIONS>): Omit<BenchJob, "disk" | "signal"> {
  const write = args.has("write");
  const length = lengthOf("-s", args.value("buffer-size") ?? "4k");
  const depth = integerIn("-d", args.value("depth") ?? "64", 1, MOST);
  const flushInterval = integerIn("--flush-interval", args.value("flush-interval") ?? "0", 0, MOST);
  if (flushInterval > 0 && !write) throw new UsageError("--flush-interval is only available in write tests");
  if (flushInterval > 0 && flushInterval < depth) throw new UsageError("Flush interval can't be smaller than depth");
  const cache = cacheMode("-t", args.value("cache"));
  return {
    write,
    count: integerIn("-c", args.value("count") ?? "75000", 0, MOST),
    depth,
    offset: parseSize(args.value("offset") ?? "0", "offset"),
    length,
    // No step is a step of the length, as in QEMU.
    step: lengthOf("-S", args.value("step-size") ?? "0") || length,
    pattern: byteOf(args.value("pattern") ?? "0"),
    flushInterval,
    drain: !args.has("no-drain"),
    writeThrough: write && (cache === "writethrough" || cache === "directsync"),
  };
}

function lengthOf(option: string, text: string): number {
  const length = parseSize(text, `value of ${option}`);
  if (length <= MOST) return length;
  throw new UsageError(`${option} '${text}': must be between 0 and ${MOST}`);
}

function byteOf(text: string): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : NaN;
  if (value <= 255) return value;
  throw new UsageError(`--pattern '${text}': must be a byte, 0 to 255 or 0x0 to 0xff`);
}

function description({
  count,
  write,
  length,
  depth,
  offset,
  step,
  flushInterval,
}: ReturnType<typeof howToBench>): string {
  const requests =
    `Sending ${count} ${write ? "write" : "read"} requests, ${length} bytes each, ${depth} in parallel ` +
    `(starting at offset ${offset}, step size ${step})\n`;
  return flushInterval > 0 ? `${requests}Sending flush every ${flushInterval} requests\n` : requests;
}
