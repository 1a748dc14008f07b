/** The promise, or a rejection with the reason of the signal if that is aborted first. What it waits for goes on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  const { promise: first, resolve, reject } = Promise.withResolvers<T>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort);
  const forget = (): void => signal.removeEventListener("abort", abort);
  promise.then(
    (value) => (forget(), resolve(value)),
    (error: unknown) => (forget(), reject(error)),
  );
  return first;
}

/** Resolves when all have resolved; where some reject it waits for the others, and then rejects as the first of them. */
export async function allEnded(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === "rejected") throw result.reason;
  }
}
