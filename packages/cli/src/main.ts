import { COMMANDS } from "./command-table.js";
import type { Command, ProgramContext } from "./command.js";
import { CliError, Interrupted, isBrokenPipe, oneLine, UsageError } from "./errors.js";
import { type Host, writeTo } from "./host.js";

/**
 * Runs a command line.
 *
 * @param argv what stands behind the name of the program
 * @returns the exit code; never rejects
 */
export async function run(argv: readonly string[], host: Host): Promise<number> {
  const stop = new AbortController();
  const forget = host.onStop((signal) => stop.abort(new Interrupted(signal)));
  const context: ProgramContext = {
    host,
    signal: stop.signal,
    print: (text) => writeTo(host.stdout, text),
    warn: (message) => void host.stderr.write(`instar: ${message}\n`),
  };
  const [name = "", ...rest] = argv;
  try {
    return await dispatch(name, rest, context);
  } catch (error) {
    // As a program that dies of SIGPIPE: whoever stopped reading does not want to hear of it.
    if (isBrokenPipe(error)) return 141;
    const where = COMMANDS.has(name) ? `${name}: ` : "";
    const hint = error instanceof UsageError ? ` (see: instar ${where ? `help ${name}` : "--help"})` : "";
    context.warn(`${where}${oneLine(error)}${hint}`);
    return error instanceof CliError ? error.exitCode : 1;
  } finally {
    forget();
  }
}

async function dispatch(name: string, rest: readonly string[], context: ProgramContext): Promise<number> {
  switch (name) {
    case "":
      throw new UsageError("expecting a command");
    case "-V":
    case "--version":
      await context.print(`instar ${(await import("./version.js")).readVersion()}\n`);
      return 0;
    case "-h":
    case "--help":
    case "help":
      await context.print(await helpFor(name === "help" ? rest[0] : undefined));
      return 0;
    default:
      return (await load(name)).start(rest, context);
  }
}

async function helpFor(name: string | undefined): Promise<string> {
  const { commandHelp, programHelp } = await import("./help.js");
  return name === undefined ? programHelp() : commandHelp((await load(name)).help);
}

async function load(name: string): Promise<Command> {
  const entry = COMMANDS.get(name);
  if (entry) return entry.load();
  throw new UsageError(name.startsWith("-") ? `unknown option ${name}` : `unknown command '${name}'`);
}
