import { type Koffi, linuxSparseCalls, type SparseCalls } from "../src/index.js";

// Not a dependency of the package, so TypeScript is not to look for it.
const name: string = "koffi";
const koffi: { default: Koffi } | undefined = await import(name).catch(() => undefined);

/** The calls for sparse files, where the machine can run them. */
export const sparseCalls: SparseCalls | undefined = koffi && callsOf(koffi.default);

/** For the titles of tests that are skipped. */
export const needsKoffi: string = sparseCalls ? "" : " (skipped: needs the npm package koffi on 64-bit Linux)";

function callsOf(module: Koffi): SparseCalls | undefined {
  try {
    return linuxSparseCalls(module);
  } catch {
    return undefined;
  }
}
