import { nodeHttpTransport } from "#http-transport";
import type { Transport } from "./engine/index.js";

/** How many requests are sent before undici is loaded: whoever asks for little is not to wait for it. */
const few = 2;

/**
 * The transport of Node: the first requests are sent by `node:http`, and undici is loaded for those that follow. `ca` are
 * certificates in PEM that are trusted instead of the usual ones.
 */
export function nodeTransport({ ca }: { readonly ca?: string | undefined } = {}): Transport {
  const connect = ca === undefined ? {} : { ca };
  const first = nodeHttpTransport(connect);
  let sent = 0;
  let then: Transport | undefined;
  let loading: Promise<void> | undefined;
  let closed = false;
  const load = async (): Promise<void> => {
    const { undiciTransport } = await import("./undici-transport.js");
    if (!closed) then = undiciTransport({ connect });
  };
  return {
    send(request, receiver) {
      if (then) return then.send(request, receiver);
      // Where it cannot be loaded, everything goes on as it began.
      if (++sent > few) loading ??= load().catch(() => undefined);
      return first.send(request, receiver);
    },
    async close() {
      closed = true;
      await Promise.all([first.close(), then?.close()]);
    },
  };
}
