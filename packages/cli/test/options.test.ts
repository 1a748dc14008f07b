import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { OptionSpec } from "../src/args.js";
import { COMMANDS } from "../src/command-table.js";
import { HAS_QEMU, NEEDS_QEMU, program } from "./harness.js";

/** The options of every command of qemu-img 7.2, and of qemu-io. */
const THEIRS: Readonly<Record<string, string>> = {
  amend: "--object --image-opts -p -q -f -t --force -o",
  bench: "-c -d -f --flush-interval -i -n --no-drain -o --pattern -q -s -S -t -w -U",
  bitmap: "--merge --add --remove --clear --enable --disable -b -F -g --object --image-opts -f",
  check: "--object --image-opts -q -f --output -r -T -U",
  commit: "--object --image-opts -q -f -t -b -r -d -p",
  compare: "--object --image-opts -f -F -T -p -q -s -U",
  convert:
    "--object --image-opts --target-image-opts --target-is-zero --bitmaps -U -C -c -p -q -n -f -t -T -O -B -F -o -l -S -r " +
    "-m -W --salvage",
  create: "--object -q -f -b -F -u -o",
  dd: "--image-opts -U -f -O",
  info: "--object --image-opts -f --output --backing-chain -U",
  map: "--object --image-opts -f --start-offset --max-length --output -U",
  measure: "--output -O -o --size --object --image-opts -f -l",
  snapshot: "--object --image-opts -U -q -l -a -c -d",
  rebase: "--object --image-opts -U -q -f -t -T -p -u -b -F",
  resize: "--object --image-opts -f --preallocation -q --shrink",
  io: "--object --image-opts -c -f -r -s -n -C -m -k -i -t -d -T -U",
};

/** Those that are known here, but refused. */
const REFUSED: readonly string[] = [];

async function specsOf(command: string): Promise<Readonly<Record<string, OptionSpec>>> {
  const entry = COMMANDS.get(command);
  if (!entry) throw new Error(`no command ${command}`);
  return (await entry.load()).help.options;
}

function specNamed(specs: Readonly<Record<string, OptionSpec>>, option: string): OptionSpec | undefined {
  if (option.startsWith("--")) return specs[option.slice(2)];
  return Object.values(specs).find(({ short }) => `-${short}` === option);
}

describe("every option of qemu-img and qemu-io", () => {
  it.each(Object.entries(THEIRS))("of %s is known here", async (command, options) => {
    const specs = await specsOf(command);
    expect(options.split(" ").filter((option) => specNamed(specs, option) === undefined)).toEqual([]);
  });

  it("is accepted, or refused by name; the README lists those", async () => {
    const refused: string[] = [];
    for (const [command, options] of Object.entries(THEIRS)) {
      const specs = await specsOf(command);
      for (const option of options.split(" ")) {
        if (specNamed(specs, option)?.refused !== undefined) refused.push(`${command} ${option}`);
      }
    }
    expect(refused).toEqual(REFUSED);
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    for (const option of refused) expect(readme).toContain(`\`${option}\``);
  });

  it.skipIf(!HAS_QEMU)(`is in this list ${NEEDS_QEMU}`, async () => {
    const { out } = await program("qemu-img", ["--help"]);
    const syntax = out.slice(out.indexOf("Command syntax:"), out.indexOf("Command parameters:"));
    const found: Record<string, string> = {};
    for (const [, command = "", usage = ""] of syntax.matchAll(/^ {2}(\w+) (.*)$/gm)) {
      const options = [...usage.matchAll(/(?<![\w-])(--[a-z-]+|-[a-zA-Z])(?=[ =\])|]|$)/g)].map(([option]) => option);
      found[command] = [...new Set(options)].join(" ");
    }
    const { io: _, ...images } = THEIRS;
    expect(found).toEqual(images);
  });
});
