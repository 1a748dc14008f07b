import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { basename } from "node:path";
import { afterAll } from "vitest";

/** A server that is up until the tests of the file are over. */
export interface FileServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** Paths that were asked for, with their queries. */
  readonly asked: string[];
  /** Headers of the last request. */
  headers(): IncomingMessage["headers"];
}

/** Serves the files of a directory, by ranges, whatever directory a URL names. */
export async function serveFiles(at: (name: string) => string): Promise<FileServer> {
  const asked: string[] = [];
  let headers: IncomingMessage["headers"] = {};
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    headers = request.headers;
    answer(at(basename((request.url ?? "").split("?", 1).join())), request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { origin: `http://127.0.0.1:${port}`, asked, headers: () => headers };
}

function answer(path: string, request: IncomingMessage, response: ServerResponse): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    response.writeHead(404).end();
    return;
  }
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
  const [begin, end] = [Number(from ?? 0), Math.min(Number(to ?? size - 1), size - 1)];
  response.writeHead(from === undefined ? 200 : 206, {
    etag: `"${size}"`,
    "accept-ranges": "bytes",
    "content-length": end - begin + 1,
    ...(from !== undefined && { "content-range": `bytes ${begin}-${end}/${size}` }),
  });
  response.end(request.method === "HEAD" ? undefined : readFileSync(path).subarray(begin, end + 1));
}
