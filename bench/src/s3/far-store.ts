import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from "node:net";

/** What a store was asked for. */
export interface Asked {
  requests: number;
  bytes: number;
}

/** A store in a process of its own, behind a line that takes time. */
export class FarStore {
  /** Of the line. */
  readonly origin: string;
  readonly #child: ChildProcess;

  private constructor(origin: string, child: ChildProcess) {
    this.origin = origin;
    this.#child = child;
  }

  /** Starts `script` with `serve`, the milliseconds there and back, and the path of the file that it serves everywhere. */
  static async start(script: string, roundTrip: number, file: string): Promise<FarStore> {
    const child = fork(script, ["serve", String(roundTrip), file]);
    const [port] = await once(child, "message");
    return new FarStore(`http://127.0.0.1:${Number(port)}`, child);
  }

  /** What was asked for since the last call. */
  async asked(): Promise<Asked> {
    this.#child.send("asked");
    const [asked] = (await once(this.#child, "message")) as [Asked];
    return asked;
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** In the process of the store: serves a file by ranges, and tells its port to whoever started it. */
export async function serveFar(roundTrip: number, file: string): Promise<void> {
  const bytes = readFileSync(file);
  let asked: Asked = { requests: 0, bytes: 0 };
  const server = createServer((request, response) => {
    const found = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "");
    const [first, last] = [Number(found?.[1] ?? 0), Math.min(Number(found?.[2] || bytes.length - 1), bytes.length - 1)];
    asked.requests++;
    response.setHeader("etag", '"1"').setHeader("accept-ranges", "bytes");
    response.setHeader("content-length", last - first + 1);
    if (found) response.setHeader("content-range", `bytes ${first}-${last}/${bytes.length}`);
    response.writeHead(found ? 206 : 200);
    if (request.method === "HEAD") return void response.end();
    asked.bytes += last - first + 1;
    response.end(bytes.subarray(first, last + 1));
  });
  server.keepAliveTimeout = 600_000;
  const port = await listening(server);
  const line = createTcpServer({ noDelay: true }, (near) => {
    const far = connect({ port, host: "127.0.0.1", noDelay: true });
    // What comes first has had to wait for the connection.
    delay(near, far, roundTrip / 2, roundTrip);
    delay(far, near, roundTrip / 2, 0);
  });
  process.on("message", () => {
    process.send?.(asked);
    asked = { requests: 0, bytes: 0 };
  });
  process.on("disconnect", () => process.exit());
  process.send?.(await listening(line));
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Hands on what comes, so many milliseconds later, in its order. */
function delay(from: Socket, to: Socket, milliseconds: number, atFirst: number): void {
  let extra = atFirst;
  let due = 0;
  const later = (run: () => void): void => {
    due = Math.max(due, performance.now() + milliseconds + extra);
    extra = 0;
    setTimeout(run, Math.max(0, due - performance.now()));
  };
  from.on("data", (chunk) => later(() => to.writable && to.write(chunk)));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => later(() => to.destroy()));
}
