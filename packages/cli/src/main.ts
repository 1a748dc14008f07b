import { COMMANDS } from "./command-table.js";
import type { Command, ProgramContext } from "./command.js";
import { CliError, Interrupted, isBrokenPipe, oneLine, UsageError, withoutSecrets } from "./errors.js";
import { type Host, writeTo } from "./host.js";
import { asInstar, messagePrefix, type Program, PROGRAMS, versionLine, whereHelpIs } from "./program.js";

/**
 * Runs a command line.
 *
 * @param given what stands behind the name of the program; where that begins with `--as` and the name of a program of
 *   QEMU, it is that program's command line, and messages and versions say its name
 * @returns the exit code; never rejects
 */
export async function run(given: readonly string[], host: Host): Promise<number> {
  const [as, called] = given;
  const program = as === "--as" ? PROGRAMS.find((name) => name === called) : "instar";
  if (program === undefined) {
    host.stderr.write(`instar: --as is followed by one of ${PROGRAMS.join(", ")}\n`);
    return 1;
  }
  return runAs(program, as === "--as" ? given.slice(2) : given, host);
}

async function runAs(program: Program, given: readonly string[], host: Host): Promise<number> {
  const stop = new AbortController();
  const forget = host.onStop((signal) => stop.abort(new Interrupted(signal)));
  const [name = "", ...rest] = asInstar(program, given);
  const command = COMMANDS.has(name) ? name : undefined;
  const prefix = messagePrefix(program, undefined);
  const context: ProgramContext = {
    program,
    host,
    asked: new Set(),
    signal: stop.signal,
    print: (text) => writeTo(host.stdout, text),
    warn: (message) => void host.stderr.write(`${prefix}${withoutSecrets(message)}\n`),
  };
  const forgetAsked = host.onAsked(() => {
    for (const answer of context.asked) answer();
  });
  try {
    return await dispatch(name, rest, context);
  } catch (failure) {
    // What fails because the program is asked to stop says so in its own words, such as those of a timer.
    const error: unknown = stop.signal.aborted ? stop.signal.reason : failure;
    // As a program that dies of SIGPIPE: whoever stopped reading does not want to hear of it.
    if (isBrokenPipe(error)) return 141;
    const hint = error instanceof UsageError ? ` (see: ${whereHelpIs(program, command)})` : "";
    host.stderr.write(`${messagePrefix(program, command)}${oneLine(error)}${hint}\n`);
    return error instanceof CliError ? error.exitCode : 1;
  } finally {
    forget();
    forgetAsked();
  }
}

async function dispatch(name: string, rest: readonly string[], context: ProgramContext): Promise<number> {
  switch (name) {
    case "":
      throw new UsageError("expecting a command");
    case "-V":
    case "--version":
      await context.print(`${versionLine(context.program, (await import("./version.js")).readVersion())}\n`);
      return 0;
    case "-h":
    case "--help":
    case "help":
      await context.print(await helpFor(name === "help" ? rest[0] : undefined, context.program));
      return 0;
    default:
      return (await load(name)).start(rest, context);
  }
}

async function helpFor(name: string | undefined, program: Program): Promise<string> {
  const { commandHelp, programHelp } = await import("./help.js");
  return name === undefined ? programHelp(program) : commandHelp((await load(name)).help, program);
}

async function load(name: string): Promise<Command> {
  const entry = COMMANDS.get(name);
  if (entry) return entry.load();
  throw new UsageError(name.startsWith("-") ? `unknown option ${name}` : `unknown command '${name}'`);
}
