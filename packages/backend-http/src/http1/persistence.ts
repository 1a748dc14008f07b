import type { HttpMethod } from "../engine/index.js";
import { list } from "./body.js";
import type { ResponseHead } from "./response-head.js";

/** How long a connection is kept for the next request where the server says nothing, in milliseconds. */
export const USUAL_REST = 4000;
/** Most of what a server can ask for. */
const MOST = 60_000;
/** So much earlier than the server it is given up: a request that crosses its end on the way would be lost. */
const MARGIN = 1000;

/** How long a connection may rest after a response before its next request, in milliseconds; 0 for not at all (RFC 9112, section 9.3). */
export function restLimit(method: HttpMethod, { status, headers, modern }: ResponseHead): number {
  const options = list(headers["connection"]).map((option) => option.toLowerCase());
  if (options.includes("close") || (!modern && !options.includes("keep-alive"))) return 0;
  // Ceph has a body follow the answer to a HEAD that it refuses, and that would be taken for the next answer.
  if (method === "HEAD" && status >= 400) return 0;
  const hint = /(?:^|[\s,])timeout=(\d{1,6})\b/i.exec(list(headers["keep-alive"]).join())?.[1];
  return hint === undefined ? USUAL_REST : Math.min(Math.max(Number(hint) * 1000 - MARGIN, 0), MOST);
}
