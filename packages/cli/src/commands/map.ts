import type { Mapping } from "@instar/image-format";
import { OPEN_OPTIONS } from "../access.js";
import { type Arguments, oneOf } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { CliError, printable, UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { filesOf, type Image, withImage } from "../image.js";
import { mappingsOf } from "../mapping.js";
import { openImage } from "../open-image.js";
import { parseSize } from "../sizes.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  output: { value: "human|json", help: "how to print (default: human)" },
  "start-offset": { short: "s", value: "OFFSET", help: "where to begin (default: 0)" },
  "max-length": { short: "l", value: "LENGTH", help: "how far to go (default: to the end)" },
  "force-share": { short: "U", help: "also while another program writes to the image" },
  ...OPEN_OPTIONS,
} as const;

/** `instar map` */
export const mapCommand: Command = defineCommand(
  {
    name: "map",
    summary: "show where the data of an image is",
    usage: "[-f FMT] [--output=human|json] [-s OFFSET] [-l LENGTH] [-U] FILE",
    options: OPTIONS,
    examples: [
      ["map disk.qcow2", "which parts hold data, and where in which file"],
      ["map --output=json -s 1G -l 1G disk.qcow2", "the second GiB, with what is zero or unallocated, for programs"],
    ],
  },
  map,
);

async function map(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const output = oneOf("--output", args.value("output") ?? "human", ["human", "json"]);
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) throw new UsageError("expecting one image file name");
  const start = parseSize(args.value("start-offset") ?? "0", "start offset");
  const length = args.value("max-length");
  const limit = length === undefined ? Infinity : parseSize(length, "maximum length");
  const image = await openImage(context, file, {
    format: formatOption(args.value("format")),
    share: args.has("force-share"),
    sparse: true,
  });
  return withImage(image, async () => {
    const from = Math.min(start, image.disk.size);
    const mappings = mappingsOf(image, from, Math.min(limit, image.disk.size - from), context.signal);
    if (output === "json") await printForPrograms(mappings, start, context);
    else await printForPeople(mappings, context, placesOf(image));
    return 0;
  });
}

/** What the chain of names calls the files, by the names that mappings have for them. */
function placesOf(image: Image): ReadonlyMap<string, string> {
  return new Map(filesOf(image).map(({ backendName, place }) => [backendName, place]));
}

async function printForPrograms(mappings: AsyncIterable<Mapping>, start: number, context: Context): Promise<void> {
  let before = "[";
  for await (const { offset, length, depth, present, zero, data, hostOffset } of mappings) {
    const host = hostOffset === undefined ? "" : `, "offset": ${hostOffset}`;
    await context.print(
      `${before}{ "start": ${offset}, "length": ${length}, "depth": ${depth}, "present": ${present}, ` +
        `"zero": ${zero}, "data": ${data}${host}}`,
    );
    before = ",\n";
  }
  // Of nothing, qemu-img tells one run that has no length.
  const nothing = `[{ "start": ${start}, "length": 0, "depth": 0, "present": false, "zero": false, "data": false}`;
  await context.print(before === "[" ? `${nothing}]\n` : "]\n");
}

async function printForPeople(
  mappings: AsyncIterable<Mapping>,
  context: Context,
  places: ReadonlyMap<string, string>,
): Promise<void> {
  const column = (text: string): string => text.padEnd(16);
  const hex = (value: number): string => column(value === 0 ? "0" : `0x${value.toString(16)}`);
  await context.print(`${column("Offset")}${column("Length")}${column("Mapped to")}File\n`);
  for await (const { offset, length, zero, data, hostOffset, file = "" } of mappings) {
    if (!data || zero) continue;
    if (hostOffset === undefined) {
      throw new CliError("the image holds compressed clusters, which have no place of their own: use --output=json");
    }
    await context.print(`${hex(offset)}${hex(length)}${hex(hostOffset)}${printable(places.get(file) ?? file)}\n`);
  }
}
