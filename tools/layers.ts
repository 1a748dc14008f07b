/**
 * The house of ARCHITECTURE.md, from the top: a package imports only from rows below its own. A new package gets its
 * place here first.
 */
export const rows: readonly (readonly string[])[] = [
  ["cli"],
  ["nbd"],
  ["qcow2", "vdi", "vhd", "vhdx", "vmdk"],
  ["image-format", "luks"],
  ["block-cache"],
  ["backend-s3"],
  ["backend-fs", "backend-http"],
  ["backend", "lru-cache"],
];

/** Packages that also load in a browser: what only Node has stands behind a `node` condition of their `imports`. */
export const portable: readonly string[] = [
  "backend",
  "lru-cache",
  "backend-http",
  "block-cache",
  "qcow2",
  "vdi",
  "vhd",
  "vhdx",
  "vmdk",
  "image-format",
  "luks",
];

/** Packages that may read arguments, the environment and the clock of the wall, and print. */
export const impure: readonly string[] = ["cli"];
