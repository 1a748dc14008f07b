import { createInterface } from "node:readline";
import { MemoryBackend } from "@instar/backend";
import { Qcow2Image } from "@instar/qcow2";
import { OPEN_OPTIONS } from "../access.js";
import { type Arguments, oneOf } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { runLines } from "../io/run-commands.js";
import { IoSession } from "../io/session.js";
import { type Image, openImage, withImage } from "../open-image.js";

const OPTIONS = {
  cmd: {
    short: "c",
    value: "COMMAND",
    help: "run this command (repeatable); without it they come from standard input",
  },
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  "read-only": { short: "r", help: "open it for reading only" },
  snapshot: { short: "s", help: "leave the image as it is: writes last until the end of the session" },
  nocache: { short: "n", help: "short for -t none" },
  cache: { short: "t", value: "MODE", help: "none, writeback (default), writethrough, directsync or unsafe" },
  discard: { short: "d", value: "MODE", help: "unmap (default) or ignore" },
  "force-share": { short: "U", help: "with -r: also while another program writes to the image" },
  aio: { short: "i", value: "MODE", help: "accepted for scripts" },
  "native-aio": { short: "k", help: "accepted for scripts" },
  "copy-on-read": { short: "C", refused: "copy-on-read is not supported" },
  misalign: { short: "m", help: "accepted for scripts" },
  ...OPEN_OPTIONS,
} as const;

/** `instar io` */
export const ioCommand: Command = defineCommand(
  {
    name: "io",
    summary: "read, write, zero and discard parts of an image",
    usage: "[-c COMMAND]... [-f FMT] [-r] [-s] [-t MODE] [-d MODE] [-U] FILE",
    options: OPTIONS,
    notes: [
      "'instar io -c help FILE' lists the commands, 'instar io -c \"help read\" FILE' tells of one. The exit code is 1 when\n" +
        "a command has failed.",
    ],
    examples: [
      ["io -c 'write -P 0xab 1M 64k' -c 'read -P 0xab 1M 64k' disk.qcow2", "write a pattern, and verify it"],
      ["io -r -c 'read -v 0 512' disk.qcow2", "dump the first sector"],
      ["io -c 'discard 0 1G' -c flush disk.qcow2", "give back the first GiB"],
    ],
  },
  io,
);

async function io(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) throw new UsageError("expecting one image file name");
  const cache = cacheMode("-t", args.value("cache") ?? (args.has("nocache") ? "none" : undefined));
  const discard = oneOf("-d", args.value("discard") ?? "unmap", ["unmap", "on", "ignore", "off"]);
  const temporary = args.has("snapshot");
  const readOnly = args.has("read-only");
  if (args.has("force-share") && !readOnly) throw new UsageError("-U needs -r: a writer must lock");
  const opened = await openImage(context, file, {
    format: formatOption(args.value("format")),
    write: !readOnly && !temporary,
    share: args.has("force-share"),
    sparse: true,
  });
  const image = temporary && !readOnly ? await underTemporaryLayer(opened) : opened;
  return withImage(image, async () => {
    const session = new IoSession(context, image, { discard: discard === "unmap" || discard === "on", cache });
    const good = await runLines(args.has("cmd") ? args.values("cmd") : lines(context), session);
    return good ? 0 : 1;
  });
}

/** The image with a layer in memory that takes the writes; closing it closes both. */
async function underTemporaryLayer(image: Image): Promise<Image> {
  const { disk, format, name } = image;
  try {
    const how = { size: disk.size, backing: { name: "below", format }, backingBackend: disk };
    const layer = await Qcow2Image.create(new MemoryBackend({ name: `temporary layer of ${name}` }), how);
    return { ...image, disk: layer, qcow2: layer };
  } catch (error) {
    await disk.close();
    throw error;
  }
}

/** Lines of standard input; with a prompt where a person types them. */
async function* lines({ host, signal }: Context): AsyncGenerator<string> {
  const { stdin, stdout } = host;
  const interactive = stdin.isTTY === true;
  const reader = createInterface({ input: stdin, ...(interactive && { output: stdout }), prompt: "instar> " });
  const close = (): void => reader.close();
  // A terminal that readline edits lines on does not send the signal: Ctrl-C ends the input, as Ctrl-D does.
  reader.on("SIGINT", close);
  signal.addEventListener("abort", close, { once: true });
  try {
    if (interactive) reader.prompt();
    for await (const line of reader) {
      yield line;
      if (interactive) reader.prompt();
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", close);
    reader.close();
  }
}
