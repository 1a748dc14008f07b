/** Something that the examined packages do and must not. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** A finding unless `holds`. */
export function demand(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Finding(what());
}
