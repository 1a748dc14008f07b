import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { IoArgumentError, type IoCommand, NONE, ONE } from "./io-command.js";
import type { IoSession } from "./session.js";

const SIGABRT = 6;

/** Commands that are about the process. */
export const processCommands: readonly IoCommand[] = [
  {
    name: "abort",
    usage: "",
    summary: "ends the program as a crash would",
    options: {},
    ...NONE,
    alone: true,
    run: async (_, session) => {
      await raise(session, SIGABRT);
      return true;
    },
  },
  {
    name: "sigraise",
    usage: "SIGNAL",
    summary: "sends the program a signal, given by its number",
    options: {},
    ...ONE,
    alone: true,
    run: async (args, session) => {
      await raise(session, numberArgument(args.positionals[0] ?? ""));
      return true;
    },
  },
  {
    name: "sleep",
    usage: "MILLISECONDS",
    summary: "waits",
    options: {},
    ...ONE,
    alone: true,
    run: async (args, session) => {
      await sleep(numberArgument(args.positionals[0] ?? ""), undefined, session);
      return true;
    },
  },
];

async function raise(session: IoSession, signal: number): Promise<void> {
  session.raise(signal);
  // A signal that the process listens to arrives when the event loop next looks for what has come in: between these.
  await nextTurn();
  await nextTurn();
  session.signal.throwIfAborted();
}

function numberArgument(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new IoArgumentError(`${text} is not a valid number`);
}
