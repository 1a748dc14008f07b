import { OPEN_OPTIONS } from "../access.js";
import type { Arguments } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { copyDisk } from "../copy.js";
import { chunkOf } from "../copy-chunk.js";
import { UsageError } from "../errors.js";
import { targetFormatNamed, formatOption } from "../format-names.js";
import { type Image, withImage } from "../image.js";
import { withNewImage } from "../new-image.js";
import { openImage } from "../open-image.js";
import { parseSize } from "../sizes.js";
import { SplicedDisk } from "../spliced-disk.js";
import { refuseToReplace } from "../target-backing.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the input (default: told by its content)" },
  "output-format": { short: "O", value: "FMT", help: "format of the output: raw (the default), qcow2 or luks" },
  "force-share": { short: "U", help: "also while another program writes to the input" },
  ...OPEN_OPTIONS,
} as const;

/** `instar dd` */
export const ddCommand: Command = defineCommand(
  {
    name: "dd",
    summary: "copy a part of an image into a new one",
    usage: "[-f FMT] [-O FMT] [-U] [bs=SIZE] [count=BLOCKS] [skip=BLOCKS] if=FILE of=FILE",
    options: OPTIONS,
    notes: [
      "Zeroes are written, too, so that the output is allocated; convert leaves them out.",
      "bs is the size of a block (default: 512), count the block to stop before, skip the first one to copy. Blocks of\n" +
        "count are counted from the beginning of the input, as in qemu-img 7.2, not from where skip begins.",
    ],
    examples: [
      ["dd -O raw bs=1M count=1 if=disk.qcow2 of=head.raw", "the first MiB of a disk"],
      ["dd -f raw -O qcow2 bs=512 skip=2048 if=disk.raw of=partition.qcow2", "everything behind the first MiB"],
    ],
  },
  dd,
);

const LARGEST_BLOCK = 2_147_483_647;
const PARALLEL = 8;

async function dd(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const format = targetFormatNamed(args.value("output-format") ?? "raw");
  const { from, to, block, count, skip } = operandsOf(args.positionals);
  const source = await openImage(context, from, {
    format: formatOption(args.value("format")),
    share: args.has("force-share"),
    sparse: true,
    sequential: true,
  });
  return withImage(source, async () => {
    await refuseToReplace(to, [source]);
    const part = partOf(source, block * skip, block * count, context);
    await withNewImage(context, { name: to, format, size: part.size, options: {} }, (target) =>
      copyDisk({
        source: part,
        target,
        targetIsClear: true,
        sparse: 0,
        chunk: chunkOf([source]),
        parallel: PARALLEL,
        ordered: true,
        signal: context.signal,
        progress: () => {},
      }),
    );
    return 0;
  });
}

/** What lies between two offsets, as far as the disk goes. */
function partOf({ disk, name }: Image, offset: number, end: number, context: Context): SplicedDisk {
  const stop = Math.min(disk.size, end);
  if (offset > stop) context.warn(`${name}: cannot skip to specified offset`);
  const length = Math.max(0, stop - offset);
  return new SplicedDisk(disk.name, length === 0 ? [] : [{ disk, offset, length }]);
}

interface Operands {
  readonly from: string;
  readonly to: string;
  /** Bytes. */
  readonly block: number;
  /** Blocks. */
  readonly count: number;
  readonly skip: number;
}

function operandsOf(words: readonly string[]): Operands {
  const given = new Map<string, string>();
  for (const word of words) {
    const [, name, value] = /^(bs|count|if|of|skip)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`unrecognized operand ${word.split("=")[0]}`);
    given.set(name, value);
  }
  const number = (name: string, fallback: number): number => {
    const text = given.get(name);
    return text === undefined ? fallback : parseSize(text, name);
  };
  const block = number("bs", 512);
  if (block < 1 || block > LARGEST_BLOCK) throw new UsageError(`bs must be between 1 and ${LARGEST_BLOCK}`);
  const [count, skip] = [number("count", Infinity), number("skip", 0)];
  const [from, to] = [given.get("if"), given.get("of")];
  if (from === undefined || to === undefined) throw new UsageError("Must specify both input and output files");
  return { from, to, block, count, skip };
}
