import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Size of the object that is served, in bytes. */
export const SIZE: number = 256 * 2 ** 20;

/** Serves one large object by ranges, on a port that it sends to the process that made this one. */
export function serve(): void {
  const bytes = new Uint8Array(SIZE / 8).map((_, index) => index ^ (index >>> 8));
  const server = createServer((request, response) => {
    const [, first = 0, last = SIZE - 1] = (/bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? []).map(Number);
    const length = last - first + 1;
    const at = first % (bytes.length - length + 1);
    const head = { etag: '"1"', "accept-ranges": "bytes" };
    if (request.method === "HEAD") {
      response.writeHead(200, { ...head, "content-length": SIZE }).end();
      return;
    }
    const range = { "content-range": `bytes ${first}-${last}/${SIZE}`, "content-length": length };
    response.writeHead(206, { ...head, ...range }).end(bytes.subarray(at, at + length));
  });
  server.keepAliveTimeout = 600_000;
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("disconnect", () => process.exit());
}
