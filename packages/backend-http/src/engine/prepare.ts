import { BackendError, isBackendError } from "@instar/backend";
import type { HttpClient } from "./http-client.js";
import type { HttpTarget } from "./http-target.js";
import type { Cancellable, HttpMethod, HttpReceiver, HttpRequest } from "./transport.js";

/** A request for `target`: prepared, be that at once or later, and sent. */
export function sendPrepared(
  client: HttpClient,
  target: HttpTarget,
  method: HttpMethod,
  headers: Readonly<Record<string, string>>,
  receiver: HttpReceiver,
): Cancellable {
  try {
    const prepared = target.prepare(method, headers);
    if (!(prepared instanceof Promise)) return client.send(prepared, receiver);
    return sendLater(client, target, prepared, receiver);
  } catch (error) {
    return sendLater(client, target, Promise.reject(error), receiver);
  }
}

function sendLater(
  client: HttpClient,
  target: HttpTarget,
  prepared: Promise<HttpRequest>,
  receiver: HttpReceiver,
): Cancellable {
  let request: Cancellable | undefined;
  let cancelled = false;
  prepared.then(
    (made) => {
      if (!cancelled) request = client.send(made, receiver);
    },
    (error: unknown) => {
      if (!cancelled) receiver.fail(isBackendError(error) ? error : unprepared(target, error));
    },
  );
  return {
    cancel() {
      cancelled = true;
      request?.cancel();
    },
  };
}

function unprepared(target: HttpTarget, cause: unknown): BackendError {
  return new BackendError("ERR_IO", `${target.name}: its request could not be prepared`, { cause });
}
