/** A failure that ends a command: what is told to the user in one line, and the exit code. */
export class CliError extends Error {
  /** What the process exits with. */
  readonly exitCode: number;

  constructor(message: string, init: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "CliError";
    this.exitCode = init.exitCode ?? 1;
  }
}

/** A command line that cannot be understood: the message is followed by where to find help. */
export class UsageError extends CliError {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** The user or the system asked the program to stop. Exits as a shell tells of that signal. */
export class Interrupted extends CliError {
  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`interrupted by ${signal}`, { exitCode: 128 + { SIGINT: 2, SIGTERM: 15 }[signal] });
    this.name = "Interrupted";
  }
}

/** What went wrong, in one line that is safe for a terminal whatever an image or a file name put into it, and for a log. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return printable(withoutSecrets(text.replace(/\s*\n\s*/g, "; ")));
}

/** The text with HTTP URLs in it cut down to what is no secret: without userinfo, query and fragment. */
export function withoutSecrets(text: string): string {
  const url = /\b(https?:\/\/)(?:[^\s/"?#]*@)?([^\s'"?#]*)(?:[?#][^\s'"]*?(?=[:;,.)]*(?:[\s'"]|$)))?/gi;
  return text.replace(url, "$1$2");
}

/** The text with control characters and direction overrides escaped, for what comes out of an image or a file name. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether whoever reads what is printed has gone away. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}

/** Runs `work`; a failure of it becomes a {@link CliError} that exits with `exitCode`. Interrupts pass through. */
export async function exitingWith<T>(exitCode: number, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    throw new CliError(oneLine(error), { exitCode, cause: error });
  }
}
