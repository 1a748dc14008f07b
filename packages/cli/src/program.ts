/** What the program is called as: by its own name, or in the place of a program of QEMU. */
export type Program = (typeof PROGRAMS)[number];

/** Every name that the program can have. */
export const PROGRAMS = ["instar", "qemu-img", "qemu-io"] as const;

/** The version of QEMU whose options and output are followed. */
const QEMU = "7.2.0";

/** The command line behind the name of the program as one of `instar`. */
export function asInstar(program: Program, argv: readonly string[]): readonly string[] {
  if (program !== "qemu-io" || isAboutProgram(argv[0])) return argv;
  return ["io", ...argv];
}

function isAboutProgram(word: string | undefined): boolean {
  return word !== undefined && ["-V", "--version"].includes(word);
}

/** The first line of `--version`, in the form that scripts take apart. */
export function versionLine(program: Program, version: string): string {
  return program === "instar" ? `instar ${version}` : `${program} version ${QEMU} (instar ${version})`;
}

/** What a command is called by, behind or instead of the name of the program. */
export function commandName(program: Program, command: string): string {
  return program === "qemu-io" ? "qemu-io" : `${program} ${command}`;
}

/** What shows the help of a command, or of the program. */
export function whereHelpIs(program: Program, command: string | undefined): string {
  return program === "qemu-io" || command === undefined ? `${program} --help` : `${program} help ${command}`;
}

/** How a message begins: programs of QEMU do not name the command. */
export function messagePrefix(program: Program, command: string | undefined): string {
  return program === "instar" && command !== undefined ? `${program}: ${command}: ` : `${program}: `;
}
