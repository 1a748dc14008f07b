import { COMMANDS } from "../command-table.js";
import { FORMATS } from "../format-names.js";

/** An option that can be completed. */
export interface CompletableOption {
  /** Without dashes. */
  readonly long: string;
  /** Its letter. */
  readonly short: string | undefined;
  /** One line of help. */
  readonly help: string;
  /** Whether a value follows, and which words it can be; `undefined` for a flag, an empty list for any value. */
  readonly values: readonly string[] | undefined;
}

/** A command that can be completed. */
export interface CompletableCommand {
  readonly name: string;
  /** One line: what it does. */
  readonly summary: string;
  readonly options: readonly CompletableOption[];
  /** Words that its arguments can be; file names where there are none. */
  readonly words: readonly string[];
}

/** Values that have a name in the help. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  FMT: FORMATS,
  MODE: ["none", "writeback", "writethrough", "directsync", "unsafe"],
};

/** Everything that the tables of the commands say. */
export async function completableCommands(): Promise<CompletableCommand[]> {
  const loaded = await Promise.all([...COMMANDS.values()].map((entry) => entry.load()));
  return loaded.map(({ help: { name, summary, options, words = [] } }) => ({
    name,
    summary,
    words,
    options: Object.entries(options)
      .filter(([, { refused }]) => refused === undefined)
      .map(([long, { short, help = "", value }]) => ({
        long,
        short,
        help,
        values: value === undefined ? undefined : valuesOf(value),
      })),
  }));
}

function valuesOf(value: string): readonly string[] {
  if (/^[a-z]+(\|[a-z]+)+$/.test(value)) return value.split("|");
  return NAMED[value] ?? [];
}
