import type { Protocol } from "./protocol.js";

/** Loads what opens URLs of a scheme; nothing of it is loaded before such a URL is opened. */
const PROTOCOLS: ReadonlyMap<string, () => Promise<Protocol>> = new Map([
  ["http", async () => (await import("./http.js")).openHttp],
  ["https", async () => (await import("./http.js")).openHttp],
  ["s3", async () => (await import("./s3.js")).openS3],
]);

/** Whether URLs of a scheme, in lower case, can be opened. */
export function hasProtocol(scheme: string): boolean {
  return PROTOCOLS.has(scheme);
}

/** What opens a URL; `undefined` where nothing does. */
export async function protocolOf(url: string): Promise<Protocol | undefined> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
  return PROTOCOLS.get(scheme)?.();
}
