import { printable } from "../errors.js";
import { IoArgumentError, type IoCommand, runIoCommand } from "./io-command.js";
import { breakpointCommands } from "./breakpoint-commands.js";
import { openCommands } from "./open-commands.js";
import { processCommands } from "./process-commands.js";
import { readCommands } from "./read-commands.js";
import type { IoSession } from "./session.js";
import { statusCommands } from "./status-commands.js";
import { writeCommands } from "./write-commands.js";

const QUIT: IoCommand = {
  name: "quit",
  alias: "q",
  usage: "",
  summary: "ends",
  options: {},
  words: [0, Infinity],
  operands: [0, Infinity],
  alone: true,
  run: () => Promise.resolve(true),
};

const HELP: IoCommand = {
  name: "help",
  alias: "?",
  usage: "[COMMAND]",
  summary: "help for one or all commands",
  options: {},
  words: [0, 1],
  operands: [0, 1],
  alone: true,
  run: async (args, session) => {
    const [name] = args.positionals;
    const found = COMMANDS.filter((command) => name === undefined || isCalled(command, name));
    if (name !== undefined && found.length === 0) throw new IoArgumentError(`command ${name} not found`);
    for (const { name: own, usage, summary, options } of found) {
      await session.print(`${own}${usage === "" ? "" : ` ${usage}`} -- ${summary}\n`);
      if (name === undefined) continue;
      for (const { short, value, help } of Object.values(options)) {
        if (help !== undefined) await session.print(`  -${short}${value === undefined ? "" : ` ${value}`}  ${help}\n`);
      }
    }
    return true;
  },
};

const COMMANDS: readonly IoCommand[] = [
  ...breakpointCommands,
  ...openCommands,
  ...processCommands,
  ...readCommands,
  ...statusCommands,
  ...writeCommands,
  HELP,
  QUIT,
].toSorted((a, b) => (a.name < b.name ? -1 : 1));

function isCalled(command: IoCommand, name: string): boolean {
  return command.name === name || command.alias === name;
}

/**
 * Runs lines of commands, one after the other, until `quit` or the last one.
 *
 * @returns whether all of them succeeded
 */
export async function runLines(lines: Iterable<string> | AsyncIterable<string>, session: IoSession): Promise<boolean> {
  let good = true;
  for await (const line of lines) {
    const [name, ...words] = line.split(/\s+/).filter((word) => word !== "");
    if (name === undefined) continue;
    const command = COMMANDS.find((candidate) => isCalled(candidate, name));
    if (command === undefined) {
      session.complain(`command "${printable(name)}" not found`);
      good = false;
      continue;
    }
    if (!(await runIoCommand(command, words, session))) good = false;
    else if (command === QUIT) break;
  }
  await session.settle();
  return good;
}
