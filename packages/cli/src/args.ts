import { parseArgs } from "node:util";
import { CliError, UsageError } from "./errors.js";

/** An option of a command. Its key in {@link OptionSpecs} is its long name. */
export interface OptionSpec {
  /** Its letter. */
  readonly short?: string;
  /** What stands for its value in the help; an option without is a flag. */
  readonly value?: string;
  /** One line of help. */
  readonly help?: string;
  /** Why an option that people know from qemu-img is refused here. Completes the sentence "-c: ...". */
  readonly refused?: string;
}

/** The options of a command. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** A command line that has been taken apart. Of a value that is given twice the last one counts. */
export class Arguments<Name extends string = string> {
  /** What is not an option, in order. */
  readonly positionals: readonly string[];
  /** The options with their values, in order; of a flag, `""`. */
  readonly given: readonly (readonly [name: string, value: string])[];

  constructor(given: readonly (readonly [name: string, value: string])[], positionals: readonly string[]) {
    this.given = given;
    this.positionals = positionals;
  }

  /** Whether an option is given. */
  has(name: Name): boolean {
    return this.given.some(([option]) => option === name);
  }

  /** The value of an option. */
  value(name: Name): string | undefined {
    return this.given.findLast(([option]) => option === name)?.[1];
  }

  /** All values of an option that may be repeated. */
  values(name: Name): readonly string[] {
    return this.given.filter(([option]) => option === name).map(([, value]) => value);
  }
}

/**
 * Takes a command line apart as getopt_long does: options anywhere, letters together, `-fqcow2`, `--output=json` or
 * `--output json`; `--` ends the options.
 *
 * @throws {@link UsageError} for an unknown option, a missing value, or a value where none belongs.
 */
export function parseArguments<Specs extends OptionSpecs>(
  argv: readonly string[],
  specs: Specs,
): Arguments<keyof Specs & string> {
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(specs).map(([name, { short, value }]) => [
        name,
        { type: value === undefined ? "boolean" : "string", multiple: true, ...(short && { short }) } as const,
      ]),
    ),
    // The checks below say what is wrong in fewer words; nor do they take a value that begins with "-" for an option.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given: [string, string][] = [];
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (!spec) throw new UsageError(`unknown option ${token.rawName}`);
    if (spec.refused !== undefined) throw new CliError(`${token.rawName}: ${spec.refused}`);
    if (spec.value === undefined && token.value !== undefined) {
      throw new UsageError(`${token.rawName} takes no value`);
    }
    if (spec.value !== undefined && token.value === undefined) {
      throw new UsageError(`${token.rawName} needs a value: ${spec.value}`);
    }
    given.push([token.name, token.value ?? ""]);
  }
  return new Arguments(given, positionals);
}

/**
 * Takes apart what stands behind `-o`: `key=value,key=value`, a comma in a value doubled. A key without a value is
 * `on`, as in QEMU. Of a key that is given twice the last one counts.
 *
 * @param lists the values of all `-o`, in order
 * @param option what messages call it; they do not show what stands there, which may be a secret
 */
export function parseKeyValues(lists: readonly string[], option = "-o"): Map<string, string> {
  const found = new Map<string, string>();
  for (const list of lists) {
    for (const part of splitCommas(list)) {
      const [key = "", ...rest] = part.split("=");
      if (key === "") throw new UsageError(`${option}: an option has the form name=value`);
      found.set(key, rest.length === 0 ? "on" : rest.join("="));
    }
  }
  return found;
}

function splitCommas(list: string): string[] {
  if (list === "") return [];
  // A comma is one that stands alone; a doubled one belongs to the value.
  const parts = list.replaceAll(",,", "\0").split(",");
  return parts.map((part) => part.replaceAll("\0", ","));
}

/** The value of an option that allows certain words only. */
export function oneOf<Word extends string>(option: string, value: string | undefined, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw new UsageError(`${option} '${value}': must be one of ${words.join(", ")}`);
  return word;
}

/** The value of an option that is a whole number within bounds. */
export function integerIn(option: string, value: string, minimum: number, maximum: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= minimum && number <= maximum) return number;
  throw new UsageError(`${option} '${value}': must be a whole number from ${minimum} to ${maximum}`);
}
