import { describe, expect, it } from "vitest";
import { COMMANDS } from "../src/command-table.js";
import { BIN, instar, instarProcess, program } from "./harness.js";

describe("help", () => {
  it("of the program lists every command", async () => {
    const { code, out, err } = await instar(["--help"]);
    expect([code, err]).toEqual([0, ""]);
    const width = Math.max(...[...COMMANDS.keys()].map((name) => name.length));
    for (const [name, { summary }] of COMMANDS) expect(out).toContain(`${name.padEnd(width)}  ${summary}`);
    expect((await instar(["help"])).out).toBe(out);
    expect((await instar(["-h"])).out).toBe(out);
  });

  it.each([...COMMANDS.keys()])("of %s shows its options, and examples", async (name) => {
    const { code, out, err } = await instar([name, "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(`usage: instar ${name} `);
    expect(out).toMatch(name === "completion" ? /--help/ : /--allow-path=DIR/);
    expect(out).toContain(`\n  instar ${name} `);
    expect(out.split("\n").filter((line) => line.length > 120)).toEqual([]);
    expect((await instar(["help", name])).out).toBe(out);
    expect((await instar([name, "-h"])).out).toBe(out);
  });

  it("tells the same one line of a command as the command itself", async () => {
    for (const { summary, load } of COMMANDS.values()) expect((await load()).help.summary).toBe(summary);
  });
});

describe("a command line that makes no sense", () => {
  it.each([
    [[], "instar: expecting a command (see: instar --help)\n"],
    [["bogus"], "instar: unknown command 'bogus' (see: instar --help)\n"],
    [["--bogus"], "instar: unknown option --bogus (see: instar --help)\n"],
    [["help", "bogus"], "instar: unknown command 'bogus' (see: instar --help)\n"],
    [["info"], "instar: info: expecting one image file name (see: instar help info)\n"],
    [["info", "--bogus", "x"], "instar: info: unknown option --bogus (see: instar help info)\n"],
    [["check", "-r", "some", "x"], "instar: check: -r 'some': must be one of leaks, all (see: instar help check)\n"],
    [["info", "--image-opts", "x"], "instar: info: could not open 'x': file.filename is missing: it names the file\n"],
    [
      ["info", "--output=xml", "x"],
      "instar: info: --output 'xml': must be one of human, json (see: instar help info)\n",
    ],
  ])("%j: one line, exit code 1", async (argv, err) => {
    expect(await instar(argv)).toEqual({ code: 1, out: "", err });
  });

  it("prints what could steer a terminal in a form that cannot", async () => {
    const { err } = await instar(["\u001b[31m\n\u202e"]);
    expect(err).toBe("instar: unknown command '\\u001b[31m; \\u202e' (see: instar --help)\n");
  });
});

describe("the executable", () => {
  it("tells its version", async () => {
    const { version } = (await import("../package.json", { with: { type: "json" } })).default;
    expect(await instarProcess(["--version"])).toEqual({ code: 0, out: `instar ${version}\n`, err: "" });
  });

  it("exits with the code of the command", async () => {
    const { code, out, err } = await instarProcess(["bogus"]);
    expect([code, out, err]).toEqual([1, "", "instar: unknown command 'bogus' (see: instar --help)\n"]);
  });

  it("says on an old Node.js which one it needs", async () => {
    const old = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'22.17.9'})";
    const { code, err } = await program(process.execPath, ["--import", old, BIN, "--help"]);
    expect(code).toBe(1);
    expect(err).toMatch(/^instar: needs Node\.js 22\.18 or newer, this is v[^\n]+\n$/);
  });

  it("ends quietly when nobody reads what it prints", async () => {
    const { code, err } = await program("bash", [
      "-c",
      `set -o pipefail; "$0" "$1" help convert | true; exit "\${PIPESTATUS[0]}"`,
      process.execPath,
      BIN,
    ]);
    expect([0, 141]).toContain(code);
    expect(err).toBe("");
  });
});
