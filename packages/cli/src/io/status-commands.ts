import type { Mapping } from "@instar/qcow2";
import { CliError } from "../errors.js";
import { describeLayer, specificLines } from "../image-info.js";
import { mappingsOf } from "../mapping.js";
import { preallocationOf, truncateTo } from "../preallocation.js";
import { SECTOR } from "../raw-image.js";
import { formatExact, roundUp } from "../sizes.js";
import { bytesArgument, IoArgumentError, type IoCommand, lengthArgument, NONE } from "./io-command.js";
import type { IoSession } from "./session.js";

const NO_OPTIONS = {} as const;

export const statusCommands: readonly IoCommand[] = [
  {
    name: "aio_flush",
    usage: "",
    summary: "waits for what aio_read and aio_write have begun",
    options: NO_OPTIONS,
    ...NONE,
    run: async (_, session) => {
      await session.settle();
      return true;
    },
  },
  {
    name: "alloc",
    usage: "OFF [COUNT]",
    summary: "tells how much of a range is allocated in the image itself",
    options: NO_OPTIONS,
    words: [1, 2],
    operands: [1, 2],
    run: async (args, session) => {
      const [start = "", count] = args.positionals;
      await alloc(session, bytesArgument(start), count === undefined ? SECTOR : lengthArgument(count));
      return true;
    },
  },
  {
    name: "flush",
    alias: "f",
    usage: "",
    summary: "makes durable what was written",
    options: NO_OPTIONS,
    ...NONE,
    run: async (_, session) => {
      if (session.disk.capabilities.write && session.options.cache !== "unsafe") await session.disk.sync(session);
      return true;
    },
  },
  {
    name: "info",
    alias: "i",
    usage: "",
    summary: "tells about the image",
    options: NO_OPTIONS,
    ...NONE,
    run: async (_, session) => {
      await session.print(await info(session));
      return true;
    },
  },
  {
    name: "length",
    alias: "l",
    usage: "",
    summary: "tells the size of the image",
    options: NO_OPTIONS,
    ...NONE,
    run: async (_, session) => {
      await session.print(`${formatExact(session.disk.size)}\n`);
      return true;
    },
  },
  {
    name: "map",
    usage: "",
    summary: "shows which parts are allocated in the image itself",
    options: NO_OPTIONS,
    ...NONE,
    run: async (_, session) => {
      for await (const run of allocation(session, 0, session.disk.size)) {
        const state = run.allocated ? "    allocated" : "not allocated";
        await session.print(`${inHex(run.length)} bytes ${state} at offset ${inHex(run.offset)}\n`);
      }
      return true;
    },
  },
  {
    name: "truncate",
    alias: "t",
    usage: "[-m PREALLOCATION] SIZE",
    summary: "sets the size of the image",
    options: { preallocation: { short: "m", value: "MODE", help: "off, metadata, falloc or full" } },
    words: [1, 3],
    operands: [1, 1],
    changes: true,
    run: async (args, session) => {
      const size = bytesArgument(args.positionals[0] ?? "");
      if (session.image.qcow2 && size % SECTOR !== 0)
        throw new CliError(`The new size must be a multiple of ${SECTOR}`);
      const rounded = roundUp(size, SECTOR);
      const mode = preallocationOf("-m", args.value("preallocation"), session.image, rounded);
      await truncateTo(session.image, rounded, mode, session.signal);
      return true;
    },
  },
];

function inHex(bytes: number): string {
  return `${formatExact(bytes)} (0x${bytes.toString(16)})`;
}

/** Runs of what is, and what is not, allocated in the top layer. */
async function* allocation(
  session: IoSession,
  offset: number,
  length: number,
): AsyncGenerator<{ offset: number; length: number; allocated: boolean }> {
  let run: { offset: number; length: number; allocated: boolean } | undefined;
  for await (const mapping of mappingsOf(session.image, offset, length, session.signal)) {
    const allocated = isAllocated(mapping);
    if (run?.allocated === allocated) run.length += mapping.length;
    else {
      if (run) yield run;
      run = { offset: mapping.offset, length: mapping.length, allocated };
    }
  }
  if (run) yield run;
}

function isAllocated({ depth, present }: Mapping): boolean {
  return depth === 0 && present;
}

async function alloc(session: IoSession, offset: number, count: number): Promise<void> {
  const { size } = session.disk;
  if (offset > size) throw new IoArgumentError(`offset ${offset} is past the end at ${size}`);
  const length = Math.min(count, size - offset);
  let sum = 0;
  for await (const run of allocation(session, offset, length)) if (run.allocated) sum += run.length;
  await session.print(`${sum}/${length} bytes allocated at offset ${formatExact(offset)}\n`);
}

async function info({ image }: IoSession): Promise<string> {
  const lines = [`format name: ${image.format}`];
  const [top] = image.layers;
  const facts = top && (await describeLayer(top, image.name));
  const clusterSize = facts?.["cluster-size"];
  if (clusterSize !== undefined) {
    // The state of a virtual machine lies behind the guest's data, where the next L2 table begins.
    const reach = (clusterSize / 8) * clusterSize;
    lines.push(`cluster size: ${formatExact(clusterSize)}`);
    lines.push(`vm state offset: ${formatExact(roundUp(image.disk.size, reach))}`);
  }
  if (facts?.["format-specific"]) lines.push(...specificLines(facts["format-specific"]));
  return `${lines.join("\n")}\n`;
}
