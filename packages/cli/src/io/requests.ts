import { BackendError } from "@instar/backend";
import type { Arguments } from "../args.js";
import { isBrokenPipe, oneLine } from "../errors.js";
import { machineReport, report } from "./report.js";
import type { IoSession } from "./session.js";

/** Requests are carried out in pieces of this many bytes, so that a large one does not need as much memory. */
const PIECE = 33_554_432;

/** Calls `work` for each piece of a range that has so many bytes, with a buffer as long as the piece. */
export async function inPieces(
  size: number,
  offset: number,
  length: number,
  work: (piece: Buffer, offset: number) => Promise<void>,
): Promise<void> {
  if (offset + length > size) {
    // Before anything of it is done.
    throw new BackendError("ERR_RANGE", `${length} bytes at ${offset} go past the end at ${size}`);
  }
  const buffer = Buffer.allocUnsafe(Math.min(PIECE, length));
  for (let done = 0; done < length; done += PIECE) {
    await work(buffer.subarray(0, Math.min(PIECE, length - done)), offset + done);
  }
}

/** A request, and how to tell of it. */
export interface Request {
  /** What qemu-io calls it when it is done: `read`, `wrote`, `discard`. */
  readonly verb: string;
  readonly offset: number;
  readonly length: number;
  /** Carries it out; resolves to what to print of it, such as a pattern that was not found, and to whether it was right. */
  readonly carryOut: () => Promise<{ readonly text: string; readonly right: boolean }>;
}

/** Carries out a request of a command and tells of it. Resolves to whether it was right. */
export async function carryOut(
  command: string,
  { verb, offset, length, carryOut: work }: Request,
  args: Arguments,
  session: IoSession,
): Promise<boolean> {
  const begun = session.now();
  try {
    const { text, right } = await work();
    const done = { verb, offset, length, milliseconds: session.now() - begun };
    const figures = args.has("quiet") ? "" : args.has("machine") ? machineReport(done) : report(done);
    await session.print(text + figures);
    return right;
  } catch (error) {
    session.signal.throwIfAborted();
    if (isBrokenPipe(error)) throw error;
    await session.print(`${command} failed: ${oneLine(error)}\n`);
    return false;
  }
}

/** Lets a request go on in the background; that it has begun is its success, as in qemu-io. */
export function beginRequest(command: string, request: Request, args: Arguments, session: IoSession): boolean {
  // Whoever reads what is printed may be gone; the next command notices, as it does when the program is to stop.
  session.inBackground(
    carryOut(command, request, args, session).then(
      () => {},
      () => {},
    ),
  );
  return true;
}
