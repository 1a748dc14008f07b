import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Arguments } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { CliError, oneLine, UsageError } from "../errors.js";

const OPTIONS = {
  "allow-path": { value: "DIR", help: "have the wrappers let images name files in DIR or below it (repeatable)" },
  "allow-url": { value: "URL", help: "have the wrappers let images name what is at URL or below it (repeatable)" },
} as const;

const NAMES = ["qemu-img", "qemu-io"] as const;
/** By this, a file that this command has made is known. */
const MARK = "# Made by `instar wrappers`.";

/** `instar wrappers` */
export const wrappersCommand: Command = defineCommand(
  {
    name: "wrappers",
    summary: "make programs named qemu-img and qemu-io that call instar",
    usage: "[--allow-path DIR]... [--allow-url URL]... DIR",
    options: OPTIONS,
    notes: [
      "Scripts that find DIR first on their PATH run unchanged. A file of that name that this command has not made is left\n" +
        "as it is. Scripts that keep backing files elsewhere than beside their images need --allow-path.",
    ],
    examples: [
      ["wrappers ~/instar-bin", "then: PATH=~/instar-bin:$PATH your-script"],
      ["wrappers --allow-path /var/lib/nova/instances/_base /opt/instar", "with backing files in a place of their own"],
    ],
  },
  wrappers,
);

async function wrappers(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [directory, ...rest] = args.positionals;
  if (directory === undefined || rest.length > 0) throw new UsageError("expecting one directory");
  await mkdir(directory, { recursive: true });
  const files = NAMES.map((name) => ({ path: join(directory, name), text: wrapper(name, context.host.self, args) }));
  for (const { path } of files) await refuseToReplace(path);
  for (const { path, text } of files) await replace(path, text);
  for (const { path } of files) await context.print(`${path}\n`);
  return 0;
}

function wrapper(name: string, self: readonly string[], args: Arguments<keyof typeof OPTIONS>): string {
  const paths = args.values("allow-path").map((path) => resolve(path));
  const lines = ["#!/bin/sh", MARK];
  if (paths.length > 0) lines.push(exported("INSTAR_ALLOW_PATH", paths.join(":"), ":"));
  if (args.has("allow-url")) lines.push(exported("INSTAR_ALLOW_URL", args.values("allow-url").join(" "), " "));
  lines.push(`exec ${self.map(quoted).join(" ")} --as ${name} "$@"`);
  return `${lines.join("\n")}\n`;
}

/** What the environment allows already stays allowed. */
function exported(variable: string, value: string, separator: string): string {
  return `export ${variable}=${quoted(value)}\${${variable}:+${quoted(separator)}$${variable}}`;
}

async function refuseToReplace(path: string): Promise<void> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new CliError(`${path}: ${oneLine(error)}`, { cause: error });
  });
  if (text === undefined || text.includes(MARK)) return;
  throw new CliError(`${path}: is there, and was not made by this command`);
}

async function replace(path: string, text: string): Promise<void> {
  // Whoever runs it meanwhile has the old one or the new one.
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, text, { flag: "wx" });
  await chmod(draft, 0o755);
  await rename(draft, path);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
