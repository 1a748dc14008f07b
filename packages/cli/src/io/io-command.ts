import type { Arguments, OptionSpecs } from "../args.js";
import { parseArguments } from "../args.js";
import { CliError, isBrokenPipe, oneLine, UsageError } from "../errors.js";
import { parseSize } from "../sizes.js";
import type { IoSession } from "./session.js";

/** A command of `instar io`. */
export interface IoCommand {
  readonly name: string;
  /** A shorter name. */
  readonly alias?: string;
  /** What stands behind the name. */
  readonly usage: string;
  /** One line: what it does. */
  readonly summary: string;
  readonly options: OptionSpecs;
  /** How many arguments it takes besides options. */
  readonly arity: readonly [least: number, most: number];
  /** Runs it; resolves to whether it succeeded. */
  run(args: Arguments, session: IoSession): Promise<boolean>;
}

/** Options of all commands that make a request. */
export const REQUEST = {
  machine: { short: "C", help: "print figures for programs" },
  quiet: { short: "q", help: "print nothing of the request" },
} as const;

/** The most that one request may move, as in QEMU. */
const MAX_LENGTH = 2_147_483_136;

/** A mistake in the arguments of a command; it is printed as it is. */
export class IoArgumentError extends CliError {}

/** Takes the line of a command apart and runs it. Resolves to whether it succeeded; rejects only when it is to end. */
export async function runIoCommand(command: IoCommand, words: readonly string[], session: IoSession): Promise<boolean> {
  const usage = `${command.name} ${command.usage} -- ${command.summary}`;
  try {
    const args = parseArguments(words, command.options);
    const count = args.positionals.length;
    const [least, most] = command.arity;
    if (count < least || count > most) {
      session.complain(`bad argument count ${count} to ${command.name}, expected ${countOf(least, most)}`);
      return false;
    }
    return await command.run(args, session);
  } catch (error) {
    session.signal.throwIfAborted();
    if (isBrokenPipe(error)) throw error;
    if (error instanceof IoArgumentError) await session.print(`${oneLine(error)}\n`);
    else if (error instanceof UsageError) {
      session.complain(`${command.name}: ${oneLine(error)}`);
      await session.print(`${usage}\n`);
    } else await session.print(`${command.name} failed: ${oneLine(error)}\n`);
    return false;
  }
}

function countOf(least: number, most: number): string {
  if (least === most) return `${least} arguments`;
  return most === Infinity ? `at least ${least} arguments` : `between ${least} and ${most} arguments`;
}

/** A number of bytes. */
export function bytesArgument(text: string): number {
  try {
    return parseSize(text);
  } catch {
    throw new IoArgumentError(`Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- ${text}`);
  }
}

/** The length of a request. */
export function lengthArgument(text: string): number {
  const length = bytesArgument(text);
  if (length <= MAX_LENGTH) return length;
  throw new IoArgumentError(`length cannot exceed ${MAX_LENGTH}, given ${text}`);
}

/** A byte to fill or to compare with. */
export function patternArgument(text: string): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : NaN;
  if (value >= 0 && value <= 255) return value;
  throw new IoArgumentError(`${text} is not a valid pattern byte`);
}
