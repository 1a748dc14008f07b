import type { Arguments } from "./args.js";
import { Secrets } from "./secrets.js";

/** The options of every command that opens images. */
export const OPEN_OPTIONS = {
  "allow-path": { value: "DIR", help: "let images name files in DIR or below it, too (repeatable)" },
  "allow-url": { value: "URL", help: "let images name what is at URL or below it (repeatable)" },
  "image-opts": { help: "FILE is a description: driver=qcow2,file.filename=disk.qcow2" },
  object: { value: "OBJECT", help: "a secret: secret,id=ID,data=TEXT or secret,id=ID,file=FILE (repeatable)" },
  stats: { help: "tell on standard error what was asked of storage over the network" },
} as const;

/** What a command line says of how images may be reached, whatever it does with them. */
export interface Access {
  /** Values of `--allow-path`. */
  readonly allowPaths: readonly string[];
  /** Values of `--allow-url`. */
  readonly allowUrls: readonly string[];
  /** Whether names of sources are descriptions by options. */
  readonly imageOpts: boolean;
  /** What `--object` defines. */
  readonly secrets: Secrets;
}

/**
 * Takes it from a command line; a command need not have any of the options.
 *
 * @throws {@link UsageError} for an object that cannot be understood
 */
export function accessOf(args: Arguments): Access {
  return {
    allowPaths: args.values("allow-path"),
    allowUrls: args.values("allow-url"),
    imageOpts: args.has("image-opts"),
    secrets: Secrets.parse(args.values("object")),
  };
}
