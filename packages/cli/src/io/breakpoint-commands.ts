import { IoArgumentError, type IoCommand } from "./io-command.js";

/** Commands that qemu-io has for images over its driver `blkdebug`; over any other they fail there, too. */
export const breakpointCommands: readonly IoCommand[] = [
  refusing("break", "EVENT TAG", 2, () => "Could not set breakpoint"),
  refusing("remove_break", "TAG", 1, (tag) => `Could not remove breakpoint ${tag}`),
  refusing("resume", "TAG", 1, () => "Could not resume request"),
  refusing("wait_break", "TAG", 1, () => "Could not wait for a suspended request"),
];

function refusing(name: string, usage: string, count: number, what: (tag: string) => string): IoCommand {
  return {
    name,
    usage,
    summary: "needs the driver blkdebug of QEMU, and fails here",
    options: {},
    words: [count, count],
    operands: [count, count],
    run: (args) => Promise.reject(new IoArgumentError(`${what(args.positionals[0] ?? "")}: Operation not supported`)),
  };
}
