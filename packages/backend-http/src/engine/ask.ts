import { BackendError, isBackendError } from "@instar/backend";
import { nextStep } from "./backoff.js";
import type { Clock } from "./clock.js";
import { retryAfter } from "./headers.js";
import type { HttpClient } from "./http-client.js";
import { connectionError, isUnreachable, refusalError } from "./http-errors.js";
import type { HttpTarget } from "./http-target.js";
import type { EngineSettings } from "./options.js";
import { sendPrepared } from "./prepare.js";
import { put } from "./put.js";
import { SmallBody, uninteresting } from "./small-body.js";
import type { HttpHeaders, HttpMethod, HttpReceiver } from "./transport.js";

/** An answer whose body does not matter, or is short. */
export interface Answer {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** The beginning of the body. */
  readonly body: string;
  /** How many bytes of a 206 have come, where `sink` takes them. */
  readonly received: number;
}

/** One question to a server. */
export interface Question {
  readonly client: HttpClient;
  readonly target: HttpTarget;
  readonly method: HttpMethod;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Most bytes of the body of a success that are wanted; a longer one is `ERR_IO`. Defaults to none: then the answer to
   * a GET that is a 200 is called off, because it is the whole object.
   */
  readonly bodyLimit?: number | undefined;
  /**
   * Takes the body of a 206. Where that breaks off, or takes too long, the answer is what has come; where it is longer, the
   * rest is called off.
   */
  readonly sink?: Uint8Array | undefined;
  /** How long the answer may take, in milliseconds, the sending included. Defaults to `settings.stallTimeout`. */
  readonly patience?: number | undefined;
  readonly settings: EngineSettings;
  readonly signal: AbortSignal | undefined;
}

/**
 * Asks until there is an answer that a further attempt would not better, be it a refusal.
 *
 * @throws {@link BackendError} when there is none in the end; the reason of the signal when it is aborted.
 */
export async function ask(question: Question): Promise<Answer> {
  const { settings, target, signal } = question;
  for (let failures = 1; ; failures++) {
    let error: BackendError;
    let wait: number | undefined;
    try {
      const answer = await askOnce(question);
      if (answer.status < 300) return answer;
      error = refusalError(target, answer);
      if (!error.retryable) return answer;
      wait = retryAfter(answer.headers);
    } catch (cause) {
      if (!isBackendError(cause) || isUnreachable(cause)) throw cause;
      error = cause;
    }
    const next = nextStep(settings, failures, error, wait);
    if ("error" in next) throw next.error;
    await pause(settings.clock, next.delay, signal);
    settings.counters.retries++;
  }
}

function askOnce(question: Question): Promise<Answer> {
  const { client, target, method, headers, bodyLimit = 0, sink, settings, signal } = question;
  const { patience = settings.stallTimeout } = question;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    let began: { status: number; headers: HttpHeaders } | undefined;
    let received = 0;
    const body = new SmallBody(Math.max(bodyLimit, uninteresting));

    const finish = (): void => {
      stopWatch();
      signal?.removeEventListener("abort", aborted);
    };
    const fail = (reason: unknown): void => {
      finish();
      request.cancel();
      reject(reason);
    };
    const answered = (): void => {
      finish();
      if (began) resolve({ ...began, body: body.text(), received });
    };
    const fills = (): boolean => sink !== undefined && began?.status === 206;
    const aborted = (): void => fail(signal?.reason);
    const stopWatch = settings.clock.after(patience, () => {
      if (fills()) {
        request.cancel();
        return answered();
      }
      const message = `${target.name}: the server gives no answer within ${patience} ms`;
      fail(new BackendError("ERR_IO", message, { retryable: true }));
    });
    signal?.addEventListener("abort", aborted);

    const receiver: HttpReceiver = {
      head(status, found) {
        began = { status, headers: found };
        // The whole object where one byte was asked for: nobody wants it.
        if (method !== "GET" || status !== 200 || bodyLimit > 0) return;
        request.cancel();
        answered();
      },
      room: () => (fills() ? sink?.subarray(received) : undefined),
      data(chunk) {
        if (sink && fills()) {
          settings.counters.bytes += chunk.byteLength;
          const room = sink.byteLength - received;
          put(sink, received, chunk.byteLength > room ? chunk.subarray(0, room) : chunk);
          received += chunk.byteLength;
          if (received <= sink.byteLength) return;
          request.cancel();
          return answered();
        }
        if (body.take(chunk)) return;
        if (bodyLimit > 0 && began && began.status < 300) {
          return fail(new BackendError("ERR_IO", `${target.name}: the answer is longer than it can be`));
        }
        request.cancel();
        answered();
      },
      end: answered,
      fail(cause) {
        if (fills() || (began && began.status >= 300)) answered();
        else fail(connectionError(target.name, cause));
      },
    };
    const request = sendPrepared(client, target, method, headers, receiver);
  });
}

function pause(clock: Clock, delay: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const aborted = (): void => {
      stop();
      reject(signal?.reason);
    };
    const stop = clock.after(delay, () => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    });
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
