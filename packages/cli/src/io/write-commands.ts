import { readFile } from "node:fs/promises";
import { BackendError, zeroRange } from "@instar/backend";
import type { Arguments } from "../args.js";
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
import { beginRequest, carryOut, inPieces, type Request } from "./requests.js";
import type { IoSession } from "./session.js";

const VECTOR = {
  pattern: { short: "P", value: "BYTE", help: "write BYTE (default: 0xcd)" },
  durable: { short: "f", help: "wait until it is durable" },
  ...REQUEST,
} as const;

const ZERO = {
  zero: { short: "z", help: "write zeroes by saying so" },
  unmap: { short: "u", help: "with -z: space may be given back" },
} as const;

const WRITE = {
  ...VECTOR,
  ...ZERO,
  source: { short: "s", value: "FILE", help: "write what FILE holds, over and over" },
  "no-fallback": { short: "n", help: "with -z: fail rather than write zero bytes" },
  aligned: { short: "p", help: "accepted for scripts" },
  compress: { short: "c", help: "write whole clusters compressed" },
  vmstate: { short: "b", help: "write the VM state, which is behind the disk" },
} as const;

export const writeCommands: readonly IoCommand[] = [
  {
    name: "write",
    alias: "w",
    usage: "[-bCcfnpquz] [-P PATTERN | -s FILE] OFF LEN",
    summary: "writes a number of bytes at a specified offset",
    options: WRITE,
    ...RANGE,
    changes: true,
    run: async (args, session) => carryOut("write", await writeRequest(args, session), args, session),
  },
  {
    name: "writev",
    alias: "wv",
    usage: "[-Cfq] [-P PATTERN] OFF LEN [LEN..]",
    summary: "writes a number of bytes at a specified offset",
    options: VECTOR,
    ...RANGES,
    changes: true,
    run: async (args, session) => carryOut("writev", await writeRequest(args, session), args, session),
  },
  {
    name: "aio_write",
    usage: "[-Cfiquz] [-P PATTERN] OFF LEN [LEN..]",
    summary: "writes in the background; aio_flush waits for it",
    options: { ...VECTOR, ...ZERO, invalid: { short: "i", help: "do not write; for exercising statistics" } },
    ...RANGES,
    changes: true,
    run: async (args, session) => {
      if (args.has("zero") && args.positionals.length > 2) {
        throw new IoArgumentError("-z supports only a single length parameter");
      }
      const request = await writeRequest(args, session);
      if (!args.has("invalid")) return beginRequest("aio_write", request, args, session);
      await session.print("injecting invalid write request\n");
      return true;
    },
  },
  {
    name: "discard",
    alias: "d",
    usage: "[-Cq] OFF LEN",
    summary: "discards a number of bytes at a specified offset",
    options: REQUEST,
    ...RANGE,
    changes: true,
    run: async (args, session) => carryOut("discard", discardRequest(args, session), args, session),
  },
];

async function writeRequest(args: Arguments, session: IoSession): Promise<Request> {
  const [start = "", ...lengths] = args.positionals;
  if (["zero", "pattern", "source"].filter((name) => args.has(name)).length > 1) {
    throw new IoArgumentError("Only one of -z, -P, and -s can be specified at the same time");
  }
  for (const letter of ["unmap", "no-fallback"]) {
    if (args.has(letter) && !args.has("zero")) {
      throw new IoArgumentError(`-${letter === "unmap" ? "u" : "n"} requires -z to be specified`);
    }
  }
  const isState = args.has("vmstate");
  if (isState && args.has("zero")) throw new IoArgumentError("-b and -z cannot be specified at the same time");
  const compress = args.has("compress");
  if ((compress || isState) && args.has("durable")) {
    throw new IoArgumentError("-f and -b or -c cannot be specified at the same time");
  }
  const offset = bytesArgument(start);
  const length = lengths.map(lengthArgument).reduce((sum, part) => sum + part, 0);
  if (compress || isState) requireSectors(offset, length);
  const work = args.has("zero")
    ? () => zero(session, offset, length, args.has("no-fallback"))
    : await writer(args, session, offset, length);
  return {
    verb: "wrote",
    offset,
    length,
    carryOut: async () => {
      await work();
      const { cache } = session.options;
      if (args.has("durable") || cache === "writethrough" || cache === "directsync") await session.disk.sync(session);
      return { text: "", right: true };
    },
  };
}

async function zero(session: IoSession, offset: number, length: number, quickly: boolean): Promise<void> {
  const { disk } = session;
  if (quickly && !disk.capabilities.writeZeroes) {
    throw new BackendError("ERR_UNSUPPORTED", `${disk.name}: cannot write zeroes but byte by byte`);
  }
  await zeroRange(disk, offset, length, session);
}

async function writer(
  args: Arguments,
  session: IoSession,
  offset: number,
  length: number,
): Promise<() => Promise<void>> {
  const compress = args.has("compress") && !args.has("vmstate");
  const place = placeAsked(args, session);
  const file = args.value("source");
  const content = file === undefined ? undefined : await readFile(file);
  if (content?.byteLength === 0) throw new IoArgumentError(`${file}: is empty`);
  const pattern = content ?? patternArgument(args.value("pattern") ?? "0xcd");
  return () =>
    inPieces(place.size, offset, length, async (piece, at) => {
      if (typeof pattern === "number") piece.fill(pattern);
      else repeat(piece, pattern, (at - offset) % pattern.byteLength);
      if (compress) await writeCompressed(session, piece, at);
      else await place.write(piece, at);
    });
}

async function writeCompressed({ image, signal }: IoSession, source: Uint8Array, offset: number): Promise<void> {
  if (!image.qcow2) throw new BackendError("ERR_UNSUPPORTED", `format ${image.format} has no compressed clusters`);
  await image.qcow2.writeCompressed(source, offset, { signal });
}

/** Fills a piece with `content` over and over, beginning somewhere within it. */
function repeat(piece: Buffer, content: Buffer, from: number): void {
  for (let at = 0, skip = from; at < piece.byteLength; skip = 0) at += content.copy(piece, at, skip);
}

function discardRequest(args: Arguments, session: IoSession): Request {
  const [start = "", count = ""] = args.positionals;
  const offset = bytesArgument(start);
  const length = lengthArgument(count);
  return {
    verb: "discard",
    offset,
    length,
    carryOut: async () => {
      if (session.options.discard) await session.disk.discard(offset, length, session);
      return { text: "", right: true };
    },
  };
}
