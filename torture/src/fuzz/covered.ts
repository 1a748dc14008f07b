import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

import type { Opener } from "../hostile/formats.ts";
import type { Base } from "../hostile/base.ts";
import { instrumented } from "./instrument.ts";

const EDGES = "__instarEdges";
const MARK = "?covered";
/** What is looked into: the parsers, and not what they stand on. */
const PARSERS = /\/packages\/(?:qcow2|image-format|vdi|vhd|vhdx|vmdk)\/dist\/.*\.js$/;

/** How often each branch of the parsers has been taken since this was last cleared. */
export const edges: Uint8Array = new Uint8Array(65_536);

let branches = 0;

/** How many branches there are in what has been loaded. */
export function branchCount(): number {
  return branches;
}

let openers: Promise<Readonly<Record<Base["format"], Opener>>> | undefined;

/** Openers of a second copy of the packages, which counts its branches. */
export function coveredOpeners(): Promise<Readonly<Record<Base["format"], Opener>>> {
  openers ??= load();
  return openers;
}

async function load(): Promise<Readonly<Record<Base["format"], Opener>>> {
  Object.assign(globalThis, { [EDGES]: edges });
  registerHooks({
    resolve(specifier, context, next) {
      const { parentURL } = context;
      if (!parentURL?.endsWith(MARK)) return next(specifier, context);
      const found = next(specifier, { ...context, parentURL: parentURL.slice(0, -MARK.length) });
      return PARSERS.test(found.url) ? { ...found, url: found.url + MARK } : found;
    },
    load(url, context, next) {
      if (!url.endsWith(MARK)) return next(url, context);
      const plain = url.slice(0, -MARK.length);
      const loaded = next(plain, context);
      if (!loaded.source) return loaded;
      const source = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
      return { ...loaded, source: instrumented(fileURLToPath(plain), source, EDGES, () => branches++) };
    },
  });
  const covered = async <T>(name: string): Promise<T> => (await import(import.meta.resolve(name) + MARK)) as T;
  const { openersOf } = await import("../hostile/formats.ts");
  return openersOf({
    qcow2: await covered<typeof import("@instar/qcow2")>("@instar/qcow2"),
    vdi: await covered<typeof import("@instar/vdi")>("@instar/vdi"),
    vhd: await covered<typeof import("@instar/vhd")>("@instar/vhd"),
    vhdx: await covered<typeof import("@instar/vhdx")>("@instar/vhdx"),
    vmdk: await covered<typeof import("@instar/vmdk")>("@instar/vmdk"),
  });
}
