import { BackendError } from "@instar/backend";
import type { EngineSettings } from "./options.js";

/** How long to wait, or the error that ends the trying. */
export type NextStep = { readonly delay: number } | { readonly error: BackendError };

/**
 * What follows the `failures`-th failure in a row: a delay (exponential backoff with full jitter, and never shorter than
 * the server asked for), or the end.
 */
export function nextStep(
  settings: EngineSettings,
  failures: number,
  error: BackendError,
  retryAfter: number | undefined,
): NextStep {
  if (!error.retryable) return { error };
  if (failures > settings.retries) return { error: final(error, `gave up after ${failures} attempts`) };
  if (retryAfter !== undefined && retryAfter > settings.maxRetryAfter) {
    return { error: final(error, `the server asks for a pause of ${Math.ceil(retryAfter / 1000)} s`) };
  }
  const longest = Math.min(settings.maxBackoff, settings.backoff * 2 ** (failures - 1));
  return { delay: Math.max(settings.random() * longest, retryAfter ?? 0) };
}

function final(error: BackendError, why: string): BackendError {
  const { code, cause, retryable } = error;
  return new BackendError(code, `${error.message}; ${why}`, { cause: cause ?? error, retryable });
}
