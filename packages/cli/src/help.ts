import type { OptionSpecs } from "./args.js";
import type { CommandHelp } from "./command.js";
import { FORMATS } from "./format-names.js";
import { commandName, type Program } from "./program.js";
import { COMMANDS } from "./command-table.js";

/** The help of the program. */
export function programHelp(program: Program): string {
  const rows = [...COMMANDS].map(([name, { summary }]) => [name, summary] as const);
  return `${program}: virtual disk images

usage: ${program} COMMAND [OPTIONS] ARGUMENTS

commands:
${table(rows)}

  ${program} help COMMAND   shows the options of a command, with examples
  ${program} --version      shows the version

Options and output follow qemu-img and qemu-io. An image is named by its path, a URL (http:, https:,
s3://BUCKET/KEY?endpoint=URL&region=REGION), or a description (json:{...}, or driver=...,file.filename=... with
--image-opts). Credentials for s3: are those in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. What an image names (a backing file) must be a regular
file in the directory of the image or below it, or a URL in the directory of its own URL; --allow-path DIR and --allow-url
URL, or INSTAR_ALLOW_PATH=DIR:DIR and INSTAR_ALLOW_URL="URL URL", allow more.

Supported formats: ${FORMATS.join(" ")}
`;
}

/** The help of a command. */
export function commandHelp(help: CommandHelp, program: Program): string {
  const { name, summary, usage, options, notes = [], examples } = help;
  const called = commandName(program, name);
  const parts = [`${called}: ${summary}`, `usage: ${called} ${usage}`, `options:\n${table(optionRows(options))}`];
  parts.push(...notes);
  parts.push(
    `examples:\n${examples.map(([line, does]) => `  # ${does}\n  ${called}${line.slice(name.length)}`).join("\n")}`,
  );
  return `${parts.join("\n\n")}\n`;
}

function optionRows(options: OptionSpecs): (readonly [string, string])[] {
  return Object.entries(options)
    .filter(([, { refused }]) => refused === undefined)
    .map(([name, { short, value, help = "" }]) => {
      const long = value === undefined ? `--${name}` : `--${name}=${value}`;
      return [short === undefined ? `    ${long}` : `-${short}, ${long}`, help] as const;
    });
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
