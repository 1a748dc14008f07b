import { OPEN_OPTIONS } from "../access.js";
import { type Arguments, oneOf } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { describeLayer, forPeople, type ImageInfo } from "../image-info.js";
import { type Layer, withImage } from "../image.js";
import { openImage } from "../open-image.js";
import { jsonText } from "../json-text.js";
import { printLines, printPieces } from "../print-lines.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  output: { value: "human|json", help: "how to print (default: human)" },
  "force-share": { short: "U", help: "also while another program writes to the image" },
  "backing-chain": { help: "the backing files too" },
  ...OPEN_OPTIONS,
} as const;

/** `instar info` */
export const infoCommand: Command = defineCommand(
  {
    name: "info",
    summary: "tell what an image is",
    usage: "[-f FMT] [--output=human|json] [-U] [--backing-chain] FILE",
    options: OPTIONS,
    examples: [
      ["info disk.qcow2", "format, sizes and backing file of an image"],
      ["info --output=json --backing-chain disk.qcow2", "the whole chain, for programs"],
    ],
  },
  info,
);

async function info(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const output = oneOf("--output", args.value("output") ?? "human", ["human", "json"]);
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) throw new UsageError("expecting one image file name");
  const image = await openImage(context, file, {
    format: formatOption(args.value("format")),
    share: args.has("force-share"),
    metadataOnly: true,
    withoutBacking: !args.has("backing-chain"),
  });
  await withImage(image, async ({ layers }) => {
    const chain = await Promise.all(
      layers.map((layer, depth) => describeLayer(layer, depth === 0 ? nameOf(layer, file) : layer.place)),
    );
    const shown = args.has("backing-chain") ? chain : chain[0];
    await (output === "json" ? printJson(context, shown) : printLines(context, linesOf(chain)));
  });
  return 0;
}

/** A description of a local file is called by the path in it, as in QEMU. */
function nameOf({ storage }: Layer, given: string): string {
  return storage.kind === "file" ? storage.path : given;
}

async function printJson(context: Context, shown: unknown): Promise<void> {
  await printPieces(context, jsonText(shown));
  await context.print("\n");
}

/** Images one below the other, an empty line between two. */
async function* linesOf(chain: readonly ImageInfo[]): AsyncGenerator<string> {
  for (const [depth, image] of chain.entries()) {
    if (depth > 0) yield "";
    yield* forPeople(image);
  }
}
