import { type Arguments, parseKeyValues } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { CliError } from "../errors.js";
import { formatNamed } from "../format-names.js";
import { type IoCommand, NONE } from "./io-command.js";
import { IO_IMAGE_OPTIONS, type IoImageOptions, ioImageOptions } from "./io-image.js";

/** Commands that open and close images. */
export const openCommands: readonly IoCommand[] = [
  {
    name: "close",
    alias: "c",
    usage: "",
    summary: "closes the image",
    options: {},
    ...NONE,
    run: async (_, session) => {
      await session.close();
      return true;
    },
  },
  {
    name: "open",
    alias: "o",
    usage: "[-rsCnkU] [-t CACHE] [-d DISCARD] [-o driver=FORMAT] [FILE]",
    summary: "opens an image",
    options: {
      ...IO_IMAGE_OPTIONS,
      options: { short: "o", value: "NAME=VALUE,...", help: "what to open, in options" },
    },
    words: [1, Infinity],
    operands: [0, 1],
    alone: true,
    run: async (args, session) => {
      await session.open(whatToOpen(args));
      return true;
    },
  },
  {
    name: "reopen",
    usage: "[(-r|-w)] [-c CACHE]",
    summary: "treats the image in another way",
    options: {
      "read-only": { short: "r", help: "read only" },
      "read-write": { short: "w", help: "read and write" },
      cache: { short: "c", value: "MODE", help: "as -t of open" },
      options: { short: "o", value: "NAME=VALUE,...", refused: "options of an open image cannot be changed" },
    },
    words: [0, Infinity],
    operands: [0, 0],
    run: async (args, session) => {
      const [readOnly, readWrite] = [args.has("read-only"), args.has("read-write")];
      if (readOnly && readWrite) throw new CliError("Only one -r/-w option may be given");
      await session.reopen({
        ...((readOnly || readWrite) && { readOnly }),
        ...(args.has("cache") && { cache: cacheMode("-c", args.value("cache")) }),
      });
      return true;
    },
  },
];

/** How each name behind `-o` of `open` is understood. */
const READERS: Readonly<Record<string, (value: string) => Partial<IoImageOptions>>> = {
  driver: (value) => ({ format: formatNamed(value) }),
  "file.filename": (value) => ({ name: value }),
};

function whatToOpen(args: Arguments): IoImageOptions {
  const options = { ...ioImageOptions(args), name: args.positionals[0], format: undefined };
  for (const [name, value] of parseKeyValues(args.values("options"))) {
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!read) throw new CliError(`-o ${name}: is not supported (only ${Object.keys(READERS).join(", ")})`);
    Object.assign(options, read(value));
  }
  const { name } = options;
  if (name === undefined) throw new CliError("can't open device: a file name is needed");
  return { ...options, name };
}
