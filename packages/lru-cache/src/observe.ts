import type { CacheEvent, CacheOptions } from "./types.js";

/**
 * The options with an observer that cannot throw into the cache: what it throws is thrown outside, as the error of a
 * listener of events is.
 */
export function withSafeObserver<K, V>(options: CacheOptions<K, V>): CacheOptions<K, V> {
  const { observer } = options;
  if (!observer) return options;
  return {
    ...options,
    observer: (event: CacheEvent<K>) => {
      try {
        observer(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    },
  };
}
