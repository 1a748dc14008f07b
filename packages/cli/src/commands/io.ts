import { createInterface } from "node:readline";
import { OPEN_OPTIONS } from "../access.js";
import type { Arguments } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { IO_IMAGE_OPTIONS, ioImageOptions } from "../io/io-image.js";
import { runLines } from "../io/run-commands.js";
import { IoSession } from "../io/session.js";

const OPTIONS = {
  cmd: {
    short: "c",
    value: "COMMAND",
    help: "run this command (repeatable); without it they come from standard input",
  },
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  ...IO_IMAGE_OPTIONS,
  misalign: { short: "m", help: "accepted for scripts" },
  trace: { short: "T", value: "EVENTS", help: "accepted for scripts" },
  ...OPEN_OPTIONS,
} as const;

/** `instar io` */
export const ioCommand: Command = defineCommand(
  {
    name: "io",
    summary: "read, write, zero and discard parts of an image",
    usage: "[-c COMMAND]... [-f FMT] [-r] [-s] [-t MODE] [-d MODE] [-U] [FILE]",
    options: OPTIONS,
    notes: [
      "'instar io -c help' lists the commands, 'instar io -c \"help read\"' tells of one. Without FILE, the command 'open'\n" +
        "opens an image. The exit code is 1 when a command has failed.",
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
  if (rest.length > 0) throw new UsageError("expecting one image file name at most");
  const options = ioImageOptions(args);
  const session = new IoSession(context);
  try {
    if (file !== undefined) await session.open({ ...options, name: file, format: formatOption(args.value("format")) });
    const good = await runLines(args.has("cmd") ? args.values("cmd") : lines(context), session);
    await session.close();
    return good ? 0 : 1;
  } catch (error) {
    // The first failure is the one to tell of.
    await session.close().catch(() => {});
    throw error;
  }
}

/** Lines of standard input; with a prompt where a person types them. */
async function* lines({ host, signal }: Context): AsyncGenerator<string> {
  const { stdin } = host;
  const interactive = stdin.isTTY === true;
  const reader = createInterface({ input: stdin, ...(interactive && { output: host.terminal }), prompt: "instar> " });
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
