import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../src/command-table.js";
import { completableCommands } from "../src/completion/completable.js";
import { instar, program, scratch } from "./harness.js";

const at = scratch();
const HAS_ZSH = spawnSync("zsh", ["--version"]).status === 0;
const HAS_FISH = spawnSync("fish", ["--version"]).status === 0;

beforeAll(async () => {
  for (const shell of ["bash", "zsh", "fish"]) writeFileSync(at(shell), (await instar(["completion", shell])).out);
  mkdirSync(at("files"));
  writeFileSync(at("files/disk one.qcow2"), "");
  writeFileSync(at("files/other.raw"), "");
});

/** What bash offers for the last word of a command line. */
async function bash(...words: readonly string[]): Promise<string[]> {
  const array = words.map((word) => `'${word}'`).join(" ");
  const script = [
    `source '${at("bash")}'`,
    "complete -p instar >&2 || exit 1",
    `COMP_WORDS=(instar ${array}) COMP_CWORD=${words.length}`,
    "_instar",
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join("\n");
  const { code, out, err } = await program("bash", ["--norc", "-c", script], { cwd: at("files") });
  expect([code, err]).toEqual([0, "complete -o filenames -F _instar instar\n"]);
  return out.split("\n").filter((word) => word !== "");
}

describe("completion in bash", () => {
  it("offers commands", async () => {
    expect(await bash("comp")).toEqual(["compare", "completion"]);
    expect(await bash("help", "me")).toEqual(["measure"]);
  });

  it("offers the options of a command, and none that is refused", async () => {
    expect(await bash("info", "--b")).toEqual(["--backing-chain"]);
    expect(await bash("info", "-")).toEqual(
      expect.arrayContaining(["-f", "--format", "-U", "--force-share", "--help"]),
    );
    const offered = new Map(
      (await completableCommands()).map(({ name, options }) => [name, options.map(({ long }) => long)]),
    );
    for (const { help } of await Promise.all([...COMMANDS.values()].map(({ load }) => load()))) {
      const known = Object.entries(help.options).filter(([, { refused }]) => refused === undefined);
      expect(offered.get(help.name)).toEqual(known.map(([long]) => long));
    }
  });

  it("offers the values of an option", async () => {
    expect(await bash("info", "-f", "v")).toEqual(["vdi", "vhdx", "vmdk", "vpc"]);
    expect(await bash("info", "--output", "j")).toEqual(["json"]);
    expect(await bash("info", "--output", "=", "j")).toEqual(["json"]);
    expect(await bash("info", "--output", "=")).toEqual(["human", "json"]);
    expect(await bash("convert", "-t", "write")).toEqual(["writeback", "writethrough"]);
  });

  it("offers files, and words where a command takes words", async () => {
    expect(await bash("info", "di")).toEqual(["disk one.qcow2"]);
    expect(await bash("convert", "-O", "qcow2", "")).toEqual(["disk one.qcow2", "other.raw"]);
    expect(await bash("completion", "")).toEqual(["bash", "zsh", "fish"]);
  });
});

describe.skipIf(!HAS_ZSH)("completion in zsh (needs Debian package zsh)", () => {
  it("is a script that zsh takes, and that defines the completion", async () => {
    const script = `autoload -U compinit && compinit -u -d '${at("dump")}' && source '${at("zsh")}' && print $_comps[instar]`;
    expect(await program("zsh", ["-f", "-c", script])).toEqual({ code: 0, out: "_instar\n", err: "" });
  });
});

describe.skipIf(!HAS_FISH)("completion in fish (needs Debian package fish)", () => {
  const fish = async (line: string): Promise<string[]> => {
    const script = `source '${at("fish")}'; complete -C '${line}'`;
    const { code, out, err } = await program("fish", ["--no-config", "-c", script], { cwd: at("files") });
    expect([code, err]).toEqual([0, ""]);
    return out
      .split("\n")
      .flatMap((text) => text.split("\t", 1))
      .filter((word) => word !== "");
  };

  it("offers commands, options, values and files", async () => {
    expect(await fish("instar comp")).toEqual(["compare", "completion"]);
    expect(await fish("instar info --b")).toEqual(["--backing-chain"]);
    expect(await fish("instar info -f v")).toEqual(["vdi", "vhdx", "vmdk", "vpc"]);
    expect(await fish("instar completion ")).toEqual(["bash", "fish", "zsh"]);
    expect((await fish("instar info oth")).join()).toContain("other.raw");
  });
});

describe("completion", () => {
  it("knows three shells", async () => {
    expect((await instar(["completion", "tcsh"])).err).toContain("shell 'tcsh': must be one of bash, zsh, fish");
    expect((await instar(["completion"])).err).toContain("expecting the name of a shell");
  });
});
