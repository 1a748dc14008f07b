import { type Koffi, linuxSparseCalls, type SparseCalls } from "../src/index.js";

const koffi = await import("koffi").catch(() => undefined);

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
