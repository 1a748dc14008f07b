import { describe, expect, it } from "vitest";
import { integerIn, oneOf, parseArguments, parseKeyValues } from "../src/args.js";
import { CliError, UsageError } from "../src/errors.js";

const SPECS = {
  format: { short: "f", value: "FMT", help: "" },
  output: { value: "FMT", help: "" },
  options: { short: "o", value: "LIST", help: "" },
  progress: { short: "p", help: "" },
  quiet: { short: "q", help: "" },
  compress: { short: "c", refused: "not supported" },
} as const;

describe("parseArguments", () => {
  it.each([
    [["-f", "qcow2", "a"]],
    [["-fqcow2", "a"]],
    [["a", "-f", "qcow2"]],
    [["--format=qcow2", "a"]],
    [["--format", "qcow2", "a"]],
    [["-f", "raw", "a", "-f", "qcow2"]],
  ])("takes a format from %j", (argv) => {
    const args = parseArguments(argv, SPECS);
    expect(args.value("format")).toBe("qcow2");
    expect(args.positionals).toEqual(["a"]);
  });

  it("takes letters together, and a value behind the last one", () => {
    const args = parseArguments(["-pqfraw", "a"], SPECS);
    expect([args.has("progress"), args.has("quiet"), args.value("format")]).toEqual([true, true, "raw"]);
  });

  it("keeps all values of what is repeated", () => {
    expect(parseArguments(["-o", "a=1", "x", "-ob=2"], SPECS).values("options")).toEqual(["a=1", "b=2"]);
  });

  it("takes a value that looks like an option, and everything behind --", () => {
    const args = parseArguments(["-f", "-p", "--", "-q", "--output"], SPECS);
    expect(args.value("format")).toBe("-p");
    expect(args.positionals).toEqual(["-q", "--output"]);
    expect(args.has("quiet")).toBe(false);
  });

  it.each([
    [["-x"], "unknown option -x"],
    [["-px"], "unknown option -x"],
    [["--bogus=1"], "unknown option --bogus"],
    [["--constructor"], "unknown option --constructor"],
    [["-f"], "-f needs a value: FMT"],
    [["--progress=1"], "--progress takes no value"],
  ])("refuses %j", (argv, message) => {
    expect(() => parseArguments(argv, SPECS)).toThrow(new UsageError(message));
  });

  it("says why it refuses an option that qemu-img has", () => {
    expect(() => parseArguments(["-c"], SPECS)).toThrow(new CliError("-c: not supported"));
  });
});

describe("parseKeyValues", () => {
  it.each([
    [["a=b,c=d"], { a: "b", c: "d" }],
    [["a=b", "c=d"], { a: "b", c: "d" }],
    [["a=b,,c"], { a: "b,c" }],
    [["a=b,,,c=d"], { a: "b,", c: "d" }],
    [["a=b=c"], { a: "b=c" }],
    [["a"], { a: "on" }],
    [["a="], { a: "" }],
    [["a=1", "a=2"], { a: "2" }],
    [[""], {}],
  ])("understands %j", (lists, expected) => {
    expect(Object.fromEntries(parseKeyValues(lists))).toEqual(expected);
  });

  it("refuses a value without a name", () => {
    expect(() => parseKeyValues(["=1"])).toThrow(UsageError);
  });
});

describe("words and numbers", () => {
  it("takes one of the words only", () => {
    expect(oneOf("--output", "json", ["human", "json"])).toBe("json");
    expect(() => oneOf("--output", "xml", ["human", "json"])).toThrow("--output 'xml': must be one of human, json");
  });

  it("takes whole numbers within bounds only", () => {
    expect(integerIn("-m", "16", 1, 16)).toBe(16);
    for (const text of ["0", "17", "1.5", "", "0x1", "-1"]) {
      expect(() => integerIn("-m", text, 1, 16)).toThrow("must be a whole number from 1 to 16");
    }
  });
});
