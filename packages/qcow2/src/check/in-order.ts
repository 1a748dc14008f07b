import { type BackendError, isBackendError } from "@instar/backend";

/** What became of an item: what was read, or why it could not be. */
export interface Done<T, R> {
  readonly item: T;
  readonly result: R | BackendError;
}

/**
 * Calls `start` for each item, a few of them at once, and gives the results in the order of the items. `ERR_IO` is a
 * result; any other failure ends it all.
 */
export async function* inOrder<T, R>(
  items: readonly T[],
  start: (item: T) => Promise<R>,
  ahead: number,
): AsyncGenerator<Done<T, R>> {
  const running: Promise<Done<T, R>>[] = [];
  for (const item of items) {
    const oldest = running.length >= ahead ? running.shift() : undefined;
    const begun = outcome(item, start);
    // A failure is met when its turn comes; until then it must not count as nobody's.
    begun.catch(() => undefined);
    running.push(begun);
    if (oldest !== undefined) yield await oldest;
  }
  for (const rest of running) yield await rest;
}

async function outcome<T, R>(item: T, start: (item: T) => Promise<R>): Promise<Done<T, R>> {
  try {
    return { item, result: await start(item) };
  } catch (error) {
    if (isBackendError(error, "ERR_IO")) return { item, result: error };
    throw error;
  }
}
