import type { Arguments, OptionSpecs } from "../args.js";
import { parseArguments } from "../args.js";
import { CliError, isBrokenPipe, oneLine, UsageError } from "../errors.js";
import { parseSize } from "../sizes.js";
import type { IoSession } from "./session.js";

/** How many arguments a command takes. */
interface Arity {
  /** How many words stand behind its name, options included. */
  readonly words: readonly [least: number, most: number];
  /** How many of these are no options. */
  readonly operands: readonly [least: number, most: number];
}

/** A command of `instar io`. */
export interface IoCommand extends Arity {
  readonly name: string;
  /** A shorter name. */
  readonly alias?: string;
  /** What stands behind the name. */
  readonly usage: string;
  /** One line: what it does. */
  readonly summary: string;
  readonly options: OptionSpecs;
  /** Whether it can do without an image. */
  readonly alone?: boolean;
  /** Whether it changes the image. */
  readonly changes?: boolean;
  /** Runs it; resolves to whether it succeeded. */
  run(args: Arguments, session: IoSession): Promise<boolean>;
}

/** Of a command that takes nothing. */
export const NONE: Arity = { words: [0, 0], operands: [0, 0] };
/** Of a command that takes one word. */
export const ONE: Arity = { words: [1, 1], operands: [1, 1] };
/** Of a command that takes an offset and a length. */
export const RANGE: Arity = { words: [2, Infinity], operands: [2, 2] };
/** Of a command that takes an offset and lengths. */
export const RANGES: Arity = { words: [2, Infinity], operands: [2, Infinity] };

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
  const usage = `${command.name} ${command.usage} -- ${command.summary}\n`;
  const [least, most] = command.words;
  try {
    if (command.alone !== true && !session.hasImage) {
      session.complain("no file open, try 'help open'");
    } else if (words.length < least || words.length > most) {
      session.complain(`bad argument count ${words.length} to ${command.name}, expected ${countOf(least, most)}`);
    } else {
      if (command.changes === true && !session.writable) throw new CliError("Block node is read-only");
      const args = parseArguments(words, command.options);
      const count = args.positionals.length;
      if (count >= command.operands[0] && count <= command.operands[1]) return await command.run(args, session);
      await session.print(usage);
    }
  } catch (error) {
    session.signal.throwIfAborted();
    if (isBrokenPipe(error)) throw error;
    if (error instanceof IoArgumentError) await session.print(`${oneLine(error)}\n`);
    else if (error instanceof UsageError) {
      session.complain(`${command.name}: ${oneLine(error)}`);
      await session.print(usage);
    } else session.warn(oneLine(error));
  }
  return false;
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
  // A number that begins with 0 is octal, as in C.
  const value = /^(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)$/i.test(text) ? Number(text.replace(/^0(?=\d)/, "0o")) : NaN;
  if (value >= 0 && value <= 255) return value;
  throw new IoArgumentError(`${text} is not a valid pattern byte`);
}
