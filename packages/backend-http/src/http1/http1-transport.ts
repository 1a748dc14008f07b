import type { Transport } from "../engine/index.js";
import { Call } from "./call.js";
import { Origin } from "./origin.js";
import { pathStart } from "./request-head.js";
import type { OpenWire } from "./wire.js";

/**
 * A transport that speaks HTTP/1.1 itself, over connections that are opened for it and kept for a while.
 *
 * @param connections how many are opened along with the very first request
 */
export function http1Transport(openWire: OpenWire, connections = 1): Transport {
  const origins = new Map<string, Origin>();
  let ahead = connections;
  const originOf = (url: string): Origin => {
    const name = url.slice(0, pathStart(url));
    let origin = origins.get(name);
    if (!origin) {
      origin = new Origin(new URL(name), openWire, ahead, () => origins.delete(name));
      origins.set(name, origin);
      ahead = 1;
    }
    return origin;
  };
  let closed = false;
  return {
    send(request, receiver) {
      try {
        if (closed) throw new Error("the transport is closed");
        const call = new Call(request, receiver);
        originOf(request.url).send(call);
        return call;
      } catch (error) {
        let cancelled = false;
        queueMicrotask(() => cancelled || receiver.fail(error));
        return { cancel: () => (cancelled = true) };
      }
    },
    async close() {
      closed = true;
      for (const origin of origins.values()) origin.destroy(new Error("the transport is closed"));
    },
  };
}
