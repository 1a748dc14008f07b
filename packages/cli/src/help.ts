import type { OptionSpecs } from "./args.js";
import type { CommandHelp } from "./command.js";
import { COMMANDS } from "./command-table.js";

/** The help of the program. */
export function programHelp(): string {
  const rows = [...COMMANDS].map(([name, { summary }]) => [name, summary] as const);
  return `instar: virtual disk images

usage: instar COMMAND [OPTIONS] ARGUMENTS

commands:
${table(rows)}

  instar help COMMAND   shows the options of a command, with examples
  instar --version      shows the version

Options and output follow qemu-img and qemu-io. An image is named by its path, a URL (http:, https:,
s3://BUCKET/KEY?endpoint=URL&region=REGION), or a description (json:{...}, or driver=...,file.filename=... with
--image-opts). Credentials for s3: are those in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. What an image names (a backing file) must be a regular
file in the directory of the image or below it, or a URL in the directory of its own URL; --allow-path DIR and --allow-url
URL, or INSTAR_ALLOW_PATH=DIR:DIR and INSTAR_ALLOW_URL="URL URL", allow more.
`;
}

/** The help of a command. */
export function commandHelp({ name, summary, usage, options, notes = [], examples }: CommandHelp): string {
  const parts = [
    `instar ${name}: ${summary}`,
    `usage: instar ${name} ${usage}`,
    `options:\n${table(optionRows(options))}`,
  ];
  parts.push(...notes);
  parts.push(`examples:\n${examples.map(([line, does]) => `  # ${does}\n  instar ${line}`).join("\n")}`);
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
