import { type Access, accessOf } from "./access.js";
import { type Arguments, type OptionSpecs, parseArguments } from "./args.js";
import type { Host } from "./host.js";
import type { Program } from "./program.js";
import { StorageStats } from "./storage-stats.js";

/** What a command is given to start with. */
export interface ProgramContext {
  /** What the program is called as. */
  readonly program: Program;
  /** The process around it. */
  readonly host: Host;
  /** What answers somebody who asks how far the work has come. */
  readonly asked: Set<() => void>;
  /** Aborts when the program is asked to stop. */
  readonly signal: AbortSignal;
  /** Writes to standard output. */
  print(text: string): Promise<void>;
  /** Writes a line to standard error, with the name of the program in front. */
  warn(message: string): void;
}

/** What a command works with. */
export interface Context extends ProgramContext {
  /** What the command line says of how images may be reached. */
  readonly access: Access;
  /** Counts what is asked of storage over the network. */
  readonly stats: StorageStats;
}

/** What the help shows of a command. */
export interface CommandHelp {
  /** Its name. */
  readonly name: string;
  /** One line: what it does. */
  readonly summary: string;
  /** The command line behind `instar NAME`. */
  readonly usage: string;
  /** Its options. */
  readonly options: OptionSpecs;
  /** Words that its arguments can be, where they are no file names; for completion. */
  readonly words?: readonly string[];
  /** Paragraphs below the options. */
  readonly notes?: readonly string[];
  /** Command lines behind `instar `, and what each does. */
  readonly examples: readonly (readonly [commandLine: string, does: string])[];
}

/** A command. */
export interface Command {
  /** For `--help`. */
  readonly help: CommandHelp;
  /** Runs it. Resolves with the exit code. */
  start(argv: readonly string[], context: ProgramContext): Promise<number>;
}

const HELP = { help: { short: "h", help: "show this help" } } as const;

/** Makes a {@link Command} of its help and a function that gets the arguments taken apart. */
export function defineCommand<Specs extends OptionSpecs>(
  help: CommandHelp & { readonly options: Specs },
  body: (args: Arguments<keyof Specs & string>, context: Context) => Promise<number>,
): Command {
  const options = { ...help.options, ...HELP };
  const complete = { ...help, options };
  const run = async (args: Arguments<keyof Specs & string>, context: ProgramContext): Promise<number> => {
    const stats = new StorageStats();
    try {
      return await body(args, { ...context, access: accessOf(args), stats });
    } finally {
      if (args.values("stats").length > 0) context.host.stderr.write(stats.report());
    }
  };
  return {
    help: complete,
    async start(argv, context) {
      const args = parseArguments(argv, options);
      if (!args.has("help")) return run(args, context);
      const { commandHelp } = await import("./help.js");
      await context.print(commandHelp(complete, context.program));
      return 0;
    },
  };
}
