import type { Context } from "./command.js";
import { printable } from "./errors.js";

/** Characters that are printed at once. */
const MANY = 65_536;

/** Prints pieces of text as they come. However many there are, few are kept. */
export async function printPieces(context: Context, pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
  let kept: string[] = [];
  let length = 0;
  for await (const piece of pieces) {
    kept.push(piece);
    length += piece.length;
    if (length < MANY) continue;
    await context.print(kept.join(""));
    kept = [];
    length = 0;
  }
  if (length > 0) await context.print(kept.join(""));
}

/** Prints lines, safe for a terminal whatever an image put into them. However many there are, few are kept. */
export function printLines(context: Context, lines: Iterable<string> | AsyncIterable<string>): Promise<void> {
  return printPieces(context, printed(lines));
}

async function* printed(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${printable(line)}\n`;
}
