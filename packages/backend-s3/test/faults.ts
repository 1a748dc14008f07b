import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers a request in its own way. `serve` gives the right answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse, serve: () => void) => void;

/** Answers with a status, and an error body where a code is given. */
export function refuse(status: number, code?: string, headers: Readonly<Record<string, string>> = {}): Fault {
  return (_, response) => {
    response.writeHead(status, headers);
    response.end(code === undefined ? undefined : `<?xml version="1.0"?>\n<Error><Code>${code}</Code></Error>`);
  };
}

/** Breaks the connection before it answers. */
export const hangUp: Fault = (request) => request.socket.resetAndDestroy();

/** Does what it is asked for, and breaks the connection instead of saying so. */
export const hangUpAfter: Fault = (request, response, serve) => {
  takeBody(response, () => request.socket.resetAndDestroy());
  serve();
};

/** Never answers. */
export const silence: Fault = () => undefined;

/** Sends so many bytes of the right body, and then breaks the connection. */
export function truncated(count: number): Fault {
  return (_, response, serve) => {
    takeBody(response, (body) => response.write(body.subarray(0, count), () => response.destroy()));
    serve();
  };
}

/** Sends so many bytes of the right body, and then nothing more. */
export function frozen(count: number): Fault {
  return (_, response, serve) => {
    takeBody(response, (body) => response.write(body.subarray(0, count)));
    serve();
  };
}

/** Sends the right body a few bytes at a time. */
export const drops: Fault = (_, response, serve) => {
  takeBody(response, (body) => {
    let at = 0;
    const timer = setInterval(() => response.write(body.subarray(at, ++at)), 5);
    response.on("close", () => clearInterval(timer));
  });
  serve();
};

/** Hands the body to `send` once the right headers are out. */
function takeBody(response: ServerResponse, send: (body: Uint8Array) => void): void {
  response.end = (body?: unknown): ServerResponse => {
    response.flushHeaders();
    send(body instanceof Uint8Array ? body : new Uint8Array(0));
    return response;
  };
}
