/** Something that the examined packages do and must not. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** A finding unless `holds`. */
export function demand(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Finding(what());
}

/** What an error says, in a finding: only of a foreign one with its stack. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof Finding ? error.message : (error.stack ?? error.message);
}
