import { HttpBackend } from "@instar/backend-http";
import { type Dispatcher, fetch, Pool } from "undici";

/** One way to read a range into the caller's buffer. */
export interface Reader {
  readonly name: string;
  read(target: Uint8Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** Bare dispatch: each chunk is copied to its place, and nothing is checked but the status. */
export function dispatchReader(url: string, connections: number): Reader {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections });
  return {
    name: "undici `dispatch`, bare",
    read: (target, offset) =>
      new Promise((resolve, reject) => {
        let at = 0;
        const handler: Dispatcher.DispatchHandler = {
          onRequestStart() {},
          onResponseStart(controller, status) {
            if (status !== 206) controller.abort(new Error(`status ${status}`));
          },
          onResponseData(_, chunk) {
            target.set(chunk, at);
            at += chunk.byteLength;
          },
          onResponseEnd: () => resolve(),
          onResponseError: (_, error) => reject(error),
        };
        const headers = { range: `bytes=${offset}-${offset + target.byteLength - 1}` };
        pool.dispatch({ method: "GET", path: pathname, headers }, handler);
      }),
    close: () => pool.close(),
  };
}

/** What this project does. */
export async function backendReader(url: string): Promise<Reader> {
  const backend = await HttpBackend.open(url);
  return {
    name: "**@instar/backend-http**",
    read: (target, offset) => backend.read(target, offset),
    close: () => backend.close(),
  };
}

/** `fetch`, and a copy of what it gives. */
export function fetchReader(url: string): Reader {
  return {
    name: "undici `fetch`",
    async read(target, offset) {
      const response = await fetch(url, { headers: { range: `bytes=${offset}-${offset + target.byteLength - 1}` } });
      if (response.status !== 206) throw new Error(`status ${response.status}`);
      target.set(new Uint8Array(await response.arrayBuffer()));
    },
    close: async () => undefined,
  };
}
