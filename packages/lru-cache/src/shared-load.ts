import type { Lease, LoadWait } from "./types.js";

interface Waiter<K, V> {
  resolve(lease: Lease<K, V>): void;
  reject(reason: unknown): void;
}

/** One load of one key, and everybody who waits for it. */
export class SharedLoad<K, V> implements LoadWait {
  readonly key: K;
  /** Whether the value is one that storage does not have. */
  readonly dirty: boolean;
  /** Whether a place in the cache is reserved for it. */
  reserved = false;
  #waiters: Set<Waiter<K, V>> | undefined;
  #settled: PromiseWithResolvers<void> | undefined;
  #ended = false;
  readonly #abandon: (load: SharedLoad<K, V>) => void;
  #controller: AbortController | undefined;
  #abandoned = false;
  /** Whether the one who asked first waits. Until then it cannot be abandoned. */
  #begun = false;

  /** @param abandon called when the last one who waited has given up. */
  constructor(key: K, dirty: boolean, abandon: (load: SharedLoad<K, V>) => void) {
    this.key = key;
    this.dirty = dirty;
    this.#abandon = abandon;
  }

  /** Whether nobody waits any more. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** Resolves when the load has succeeded, failed or been abandoned. */
  get settled(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    this.#settled ??= Promise.withResolvers<void>();
    return this.#settled.promise;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abandoned) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** The wait of the one who asked first. */
  begin(signal: AbortSignal | undefined): Promise<Lease<K, V>> {
    this.#begun = true;
    return this.join(signal);
  }

  /** Waits for the load; an abort ends this wait alone. */
  join(signal: AbortSignal | undefined): Promise<Lease<K, V>> {
    const { promise, resolve, reject } = Promise.withResolvers<Lease<K, V>>();
    const waiter: Waiter<K, V> = { resolve, reject };
    const waiters = (this.#waiters ??= new Set());
    waiters.add(waiter);
    if (signal) {
      const abort = () => {
        if (!waiters.delete(waiter)) return;
        reject(signal.reason);
        if (waiters.size === 0 && this.#begun) this.#giveUp(signal.reason);
      };
      const forget = () => signal.removeEventListener("abort", abort);
      waiter.resolve = (lease) => (forget(), resolve(lease));
      waiter.reject = (reason) => (forget(), reject(reason));
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
    }
    return promise;
  }

  /** Hands a lease of its own to everybody who waits. */
  succeed(lease: () => Lease<K, V>): void {
    if (this.#waiters) for (const waiter of this.#waiters) waiter.resolve(lease());
    this.#end();
  }

  /** Tells everybody who waits why there is no value. */
  fail(reason: unknown): void {
    if (this.#waiters) for (const waiter of this.#waiters) waiter.reject(reason);
    this.#end();
  }

  #giveUp(reason: unknown): void {
    this.#abandoned = true;
    this.#controller?.abort(reason);
    this.#abandon(this);
    this.#end();
  }

  #end(): void {
    this.#waiters = undefined;
    this.#ended = true;
    this.#settled?.resolve();
  }
}
