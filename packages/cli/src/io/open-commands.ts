import { type Arguments, parseKeyValues } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { CliError } from "../errors.js";
import { type IoCommand, NONE } from "./io-command.js";
import { IO_IMAGE_OPTIONS, type IoImageOptions, ioImageOptions } from "./io-image.js";
import { reopenOptions } from "./reopen-options.js";

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
    usage: "[-rsCnkU] [-t CACHE] [-d DISCARD] [-o NAME=VALUE,...] [FILE]",
    summary: "opens an image",
    options: {
      ...IO_IMAGE_OPTIONS,
      options: { short: "o", value: "NAME=VALUE,...", help: "what to open, as for --image-opts" },
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
    usage: "[(-r|-w)] [-c CACHE] [-o NAME=VALUE,...]",
    summary: "treats the image in another way",
    options: {
      "read-only": { short: "r", help: "read only" },
      "read-write": { short: "w", help: "read and write" },
      cache: { short: "c", value: "MODE", help: "as -t of open" },
      options: { short: "o", value: "NAME=VALUE,...", help: "how QEMU is to treat it: discard" },
    },
    words: [0, Infinity],
    operands: [0, 0],
    run: async (args, session) => {
      const [readOnly, readWrite] = [args.has("read-only"), args.has("read-write")];
      if (readOnly && readWrite) throw new CliError("Only one -r/-w option may be given");
      const cache = args.has("cache") ? cacheMode("-c", args.value("cache")) : undefined;
      const { image, options } = session;
      const now = { format: image.format, name: options.name, readOnly: options.readOnly };
      const asked = { mode: readOnly || readWrite, cache: cache !== undefined };
      await session.reopen({
        ...(asked.mode && { readOnly }),
        ...(cache !== undefined && { cache }),
        ...reopenOptions(parseKeyValues(args.values("options")), { ...now, ...asked }),
      });
      return true;
    },
  },
];

function whatToOpen(args: Arguments): IoImageOptions {
  const [file] = args.positionals;
  const described = parseKeyValues(args.values("options"));
  const options = { ...ioImageOptions(args), format: undefined };
  if (described.size === 0) {
    if (file === undefined) throw new CliError("can't open device: a file name is needed");
    return { ...options, name: file };
  }
  if (file !== undefined) {
    if (described.has("file.filename")) {
      throw new CliError(`can't open device ${file}: Can't specify 'file' and 'filename' options at the same time`);
    }
    described.set("file.filename", file);
  }
  return { ...options, name: described.get("file.filename") ?? "", described };
}
