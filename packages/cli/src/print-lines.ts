import type { Context } from "./command.js";
import { printable } from "./errors.js";

/** Lines that are printed at once. */
const MANY = 512;

/** Prints lines, safe for a terminal whatever an image put into them. However many there are, few are kept. */
export async function printLines(context: Context, lines: Iterable<string>): Promise<void> {
  let text: string[] = [];
  for (const line of lines) {
    text.push(`${printable(line)}\n`);
    if (text.length < MANY) continue;
    await context.print(text.join(""));
    text = [];
  }
  if (text.length > 0) await context.print(text.join(""));
}
