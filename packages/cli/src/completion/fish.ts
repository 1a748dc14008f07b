import type { CompletableCommand, CompletableOption } from "./completable.js";

/** A script for fish. */
export function fishCompletion(commands: readonly CompletableCommand[]): string {
  const names = commands.map(({ name }) => name);
  const first = `not __fish_seen_subcommand_from ${names.join(" ")} help`;
  const lines = [
    "# Completion of instar for fish: instar completion fish | source",
    "complete -c instar -f",
    ...commands.map(({ name, summary }) => `complete -c instar -n ${quoted(first)} -a ${name} -d ${quoted(summary)}`),
    `complete -c instar -n ${quoted(first)} -a help -d 'show the options of a command, with examples'`,
    `complete -c instar -n '__fish_seen_subcommand_from help' -a ${quoted(names.join(" "))}`,
    ...commands.flatMap(linesOf),
  ];
  return `${lines.join("\n")}\n`;
}

function linesOf({ name, options, words }: CompletableCommand): string[] {
  const here = `complete -c instar -n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
  const rest = words.length > 0 ? `-a ${quoted(words.join(" "))}` : "-F";
  return [`${here} ${rest}`, ...options.map((option) => `${here} ${optionOf(option)}`)];
}

function optionOf({ long, short, help, values }: CompletableOption): string {
  const names = `${short === undefined ? "" : `-s ${short} `}-l ${long}`;
  const value = values === undefined ? "" : values.length > 0 ? ` -x -a ${quoted(values.join(" "))}` : " -r -F";
  return `${names}${value} -d ${quoted(help)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
