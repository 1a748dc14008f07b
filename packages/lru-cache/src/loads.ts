import { isPromiseLike } from "./promise-like.js";
import type { Residents } from "./residents.js";
import type { Room } from "./room.js";
import { SharedLoad } from "./shared-load.js";
import type { Lease, LoadWait } from "./types.js";

/** The keys on their way into the cache. Whoever asks for one of them meanwhile shares what is under way. */
export class Loads<K, V> {
  readonly #load: (key: K, wait: LoadWait) => V | PromiseLike<V>;
  readonly #residents: Residents<K, V>;
  readonly #room: Room<K, V>;
  readonly #running = new Map<K, SharedLoad<K, V>>();
  readonly #forget = (load: SharedLoad<K, V>) => {
    if (this.#running.get(load.key) === load) this.#running.delete(load.key);
  };

  constructor(load: (key: K, wait: LoadWait) => V | PromiseLike<V>, residents: Residents<K, V>, room: Room<K, V>) {
    this.#load = load;
    this.#residents = residents;
    this.#room = room;
  }

  /** The keys under way. */
  keys(): Iterable<K> {
    return this.#running.keys();
  }

  /** Resolves when the key is not under way any more; `undefined` when it is not now. */
  settled(key: K): Promise<void> | undefined {
    return this.#running.get(key)?.settled;
  }

  /** Pins a key that is not in the cache, loading it or joining whoever does. */
  acquire(key: K, signal: AbortSignal | undefined): Promise<Lease<K, V>> {
    const running = this.#running.get(key);
    if (running) return running.join(signal);
    return this.#begin(key, signal, (load) => this.#load(key, load));
  }

  /** Puts a value in the place of a key that is neither in the cache nor under way. */
  insert(key: K, value: V): Promise<Lease<K, V>> {
    return this.#begin(key, undefined, () => value);
  }

  #begin(key: K, signal: AbortSignal | undefined, read: ReadValue<K, V>): Promise<Lease<K, V>> {
    const load = new SharedLoad<K, V>(key, this.#forget);
    try {
      const room = this.#room.reserve();
      if (room) {
        void room.then(
          () => this.#readLater(load, read),
          (error: unknown) => this.#fail(load, error),
        );
      } else {
        const value = this.#read(load, read);
        if (!isPromiseLike(value)) {
          this.#room.unreserve();
          return Promise.resolve(this.#residents.entries.pin(this.#residents.admit(key, value)));
        }
        this.#await(load, value);
      }
    } catch (error) {
      return Promise.reject(error);
    }
    this.#running.set(key, load);
    return load.join(signal);
  }

  #readLater(load: SharedLoad<K, V>, read: ReadValue<K, V>): void {
    if (load.abandoned) return this.#room.unreserve();
    try {
      const value = this.#read(load, read);
      if (isPromiseLike(value)) this.#await(load, value);
      else this.#succeed(load, value);
    } catch (error) {
      this.#fail(load, error);
    }
  }

  /** Calls `io.load`, with a place reserved. */
  #read(load: SharedLoad<K, V>, read: ReadValue<K, V>): V | PromiseLike<V> {
    try {
      return read(load);
    } catch (error) {
      this.#room.unreserve();
      throw error;
    }
  }

  #await(load: SharedLoad<K, V>, value: PromiseLike<V>): void {
    value.then(
      (loaded) => {
        if (load.abandoned) this.#room.unreserve();
        else this.#succeed(load, loaded);
      },
      (error: unknown) => {
        this.#room.unreserve();
        if (!load.abandoned) this.#fail(load, error);
      },
    );
  }

  #succeed(load: SharedLoad<K, V>, value: V): void {
    this.#forget(load);
    this.#room.unreserve();
    const slot = this.#residents.admit(load.key, value);
    load.succeed(() => this.#residents.entries.pin(slot));
  }

  #fail(load: SharedLoad<K, V>, error: unknown): void {
    this.#forget(load);
    load.fail(error);
  }
}

type ReadValue<K, V> = (load: SharedLoad<K, V>) => V | PromiseLike<V>;
