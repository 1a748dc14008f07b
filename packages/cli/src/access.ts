import type { Arguments } from "./args.js";
import { Secrets } from "./secrets.js";

/** The options of every command that opens images. */
export const OPEN_OPTIONS = {
  "allow-path": { value: "DIR", help: "let images name files in DIR or below it, too (repeatable)" },
  "image-opts": { refused: "descriptions of images by options are not supported" },
  object: { value: "OBJECT", help: "a secret: secret,id=ID,data=TEXT or secret,id=ID,file=FILE (repeatable)" },
} as const;

/** What a command line says of how images may be reached, whatever it does with them. */
export interface Access {
  /** Values of `--allow-path`. */
  readonly allowPaths: readonly string[];
  /** What `--object` defines. */
  readonly secrets: Secrets;
}

/**
 * Takes it from a command line; a command need not have any of the options.
 *
 * @throws {@link UsageError} for an object that cannot be understood
 */
export function accessOf(args: Arguments): Access {
  return { allowPaths: args.values("allow-path"), secrets: Secrets.parse(args.values("object")) };
}
