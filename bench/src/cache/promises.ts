import { createHook } from "node:async_hooks";
import { filledCache } from "./peers.js";

/** How many promises a thousand synchronous hits make. */
export async function promisesOfHits(): Promise<string> {
  const cache = await filledCache(1000);
  let promises = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === "PROMISE") promises++;
    },
  }).enable();
  for (let key = 0; key < 1000; key++) cache.tryAcquire(key)?.release();
  hook.disable();
  return `1,000 synchronous hits made ${promises} promises.`;
}
