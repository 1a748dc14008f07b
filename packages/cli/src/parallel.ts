/**
 * Hands items to workers that run side by side, in the order of the items. A worker that resolves to `false` stops the
 * handing out; what has been handed out is finished. The first failure stops the others, and is what rejects.
 *
 * @param count how many workers
 * @param makeWorker makes a worker with what it needs for itself, such as a buffer
 */
export async function inParallel<T>(
  items: AsyncIterable<T>,
  count: number,
  signal: AbortSignal,
  makeWorker: () => (item: T, signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  const stopper = new AbortController();
  // `AbortSignal.any` makes one whose every look costs many times as much.
  const stop = (): void => stopper.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const source = items[Symbol.asyncIterator]();
  let stopped = false;
  const work = async (): Promise<void> => {
    const worker = makeWorker();
    try {
      while (!stopped) {
        stopper.signal.throwIfAborted();
        const next = await source.next();
        if (next.done === true) return;
        if (!(await worker(next.value, stopper.signal))) stopped = true;
      }
    } catch (error) {
      stopper.abort(error);
    }
  };
  try {
    await Promise.all(Array.from({ length: count }, work));
    await source.return?.();
    stopper.signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
