import type { Arguments } from "../args.js";
import { UsageError } from "../errors.js";
import {
  bytesArgument,
  IoArgumentError,
  type IoCommand,
  lengthArgument,
  patternArgument,
  RANGE,
  RANGES,
  REQUEST,
} from "./io-command.js";
import { placeAsked, requireSectors } from "./io-place.js";
import { hexDump } from "./report.js";
import { beginRequest, carryOut, inPieces, type Request } from "./requests.js";
import type { IoSession } from "./session.js";

const READ = {
  pattern: { short: "P", value: "BYTE", help: "fail unless all that is read is BYTE" },
  verbose: { short: "v", help: "print what is read" },
  ...REQUEST,
} as const;

const PART = {
  start: { short: "s", value: "OFFSET", help: "with -P: where the pattern begins" },
  length: { short: "l", value: "LENGTH", help: "with -P: how long it is" },
  aligned: { short: "p", help: "accepted for scripts" },
  vmstate: { short: "b", help: "read the VM state, which is behind the disk" },
} as const;

/** Where a pattern is to be. */
interface Expected {
  readonly byte: number;
  readonly offset: number;
  readonly length: number;
}

const VECTOR = "[-P PATTERN] OFF LEN [LEN..]";

export const readCommands: readonly IoCommand[] = [
  {
    name: "read",
    alias: "r",
    usage: "[-bCpqv] [-P PATTERN [-s OFF] [-l LEN]] OFF LEN",
    summary: "reads a number of bytes at a specified offset",
    options: { ...READ, ...PART },
    ...RANGE,
    run: async (args, session) => carryOut("read", readRequest(args, session), args, session),
  },
  {
    name: "readv",
    alias: "rv",
    usage: `[-Cqv] ${VECTOR}`,
    summary: "reads a number of bytes at a specified offset",
    options: READ,
    ...RANGES,
    run: async (args, session) => carryOut("readv", readRequest(args, session), args, session),
  },
  {
    name: "aio_read",
    usage: `[-Ciqv] ${VECTOR}`,
    summary: "reads in the background; aio_flush waits for it",
    options: { ...READ, invalid: { short: "i", help: "do not read; for exercising statistics" } },
    ...RANGES,
    run: async (args, session) => {
      const request = readRequest(args, session);
      if (!args.has("invalid")) return beginRequest("aio_read", request, args, session);
      await session.print("injecting invalid read request\n");
      return true;
    },
  },
];

function readRequest(args: Arguments, session: IoSession): Request {
  const [start = "", ...lengths] = args.positionals;
  const offset = bytesArgument(start);
  const length = lengths.map(lengthArgument).reduce((sum, part) => sum + part, 0);
  const expected = expectation(args, offset, length);
  const verbose = args.has("verbose") && !args.has("quiet");
  if (args.has("vmstate")) requireSectors(offset, length);
  const place = placeAsked(args, session);
  return {
    verb: "read",
    offset,
    length,
    carryOut: async () => {
      let right = true;
      let dump = "";
      await inPieces(place.size, offset, length, async (piece, at) => {
        await place.read(piece, at);
        right &&= expected === undefined || holds(piece, at, expected);
        if (verbose) dump += hexDump(piece, at);
      });
      const { offset: from, length: count } = expected ?? { offset, length };
      return { text: right ? dump : `Pattern verification failed at offset ${from}, ${count} bytes\n${dump}`, right };
    },
  };
}

function expectation(args: Arguments, offset: number, length: number): Expected | undefined {
  const pattern = args.value("pattern");
  const start = args.value("start");
  const part = args.value("length");
  if (pattern === undefined) {
    if (start !== undefined || part !== undefined) throw new UsageError("-s and -l need -P");
    return undefined;
  }
  const from = start === undefined ? 0 : bytesArgument(start);
  const count = part === undefined ? length - from : bytesArgument(part);
  if (from + count > length || count < 0) {
    throw new IoArgumentError("pattern verification range exceeds end of read data");
  }
  return { byte: patternArgument(pattern), offset: offset + from, length: count };
}

/** Whether the part of a piece where the pattern is to be consists of it. */
function holds(piece: Buffer, at: number, { byte, offset, length }: Expected): boolean {
  const part = piece.subarray(Math.max(0, offset - at), Math.max(0, offset + length - at));
  // Every byte is the same as the one before it, and the first one is right.
  return part.byteLength === 0 || (part[0] === byte && part.subarray(1).equals(part.subarray(0, -1)));
}
