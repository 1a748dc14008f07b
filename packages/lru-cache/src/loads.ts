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
  /** A load that is being asked for its value, not among those running unless somebody looks for it from in there. */
  #asking: SharedLoad<K, V> | undefined;
  readonly #leave = (load: SharedLoad<K, V>) => {
    if (this.#asking === load) this.#asking = undefined;
    else if (this.#running.get(load.key) === load) this.#running.delete(load.key);
    if (load.reserved) this.#room.unreserve();
    load.reserved = false;
  };

  constructor(load: (key: K, wait: LoadWait) => V | PromiseLike<V>, residents: Residents<K, V>, room: Room<K, V>) {
    this.#load = load;
    this.#residents = residents;
    this.#room = room;
  }

  /** The keys under way. */
  keys(): Iterable<K> {
    return this.#underWay().keys();
  }

  /** Resolves when the key is not under way any more; `undefined` when it is not now. */
  settled(key: K): Promise<void> | undefined {
    return this.#underWay().get(key)?.settled;
  }

  /** Pins a key that is not in the cache, loading it or joining whoever does. */
  acquire(key: K, signal: AbortSignal | undefined): Promise<Lease<K, V>> {
    const running = this.#underWay().get(key);
    if (running) return running.join(signal);
    const load = new SharedLoad<K, V>(key, false, this.#leave);
    return this.#begin(load, signal, () => this.#load(key, load));
  }

  /** Puts a value in the place of a key that is neither in the cache nor under way. */
  insert(key: K, value: V, dirty: boolean): Promise<Lease<K, V>> {
    return this.#begin(new SharedLoad<K, V>(key, dirty, this.#leave), undefined, () => value);
  }

  #begin(load: SharedLoad<K, V>, signal: AbortSignal | undefined, read: ReadValue<V>): Promise<Lease<K, V>> {
    this.#asking = load;
    try {
      const room = this.#room.reserve();
      if (room) {
        void room.then(
          () => this.#readLater(load, read),
          (error: unknown) => this.#fail(load, error),
        );
      } else {
        load.reserved = true;
        const value = read();
        if (!isPromiseLike(value)) {
          const slot = this.#asking === load ? this.#admit(load, value) : this.#succeed(load, value);
          return Promise.resolve(this.#residents.entries.pin(slot));
        }
        this.#await(load, value);
      }
    } catch (error) {
      this.#fail(load, error);
      return Promise.reject(error);
    }
    this.#underWay();
    return load.begin(signal);
  }

  #underWay(): Map<K, SharedLoad<K, V>> {
    const asking = this.#asking;
    if (asking) this.#running.set(asking.key, asking);
    this.#asking = undefined;
    return this.#running;
  }

  /** Goes on where room had to be made first. */
  #readLater(load: SharedLoad<K, V>, read: ReadValue<V>): void {
    if (load.abandoned) return this.#room.unreserve();
    load.reserved = true;
    try {
      const value = read();
      if (isPromiseLike(value)) this.#await(load, value);
      else this.#succeed(load, value);
    } catch (error) {
      this.#fail(load, error);
    }
  }

  #await(load: SharedLoad<K, V>, value: PromiseLike<V>): void {
    Promise.resolve(value)
      .then((loaded) => {
        if (!load.abandoned) this.#succeed(load, loaded);
      })
      .catch((error: unknown) => this.#fail(load, error));
  }

  #succeed(load: SharedLoad<K, V>, value: V): number {
    const slot = this.#admit(load, value);
    load.succeed(() => this.#residents.entries.pin(slot));
    return slot;
  }

  #admit(load: SharedLoad<K, V>, value: V): number {
    this.#leave(load);
    return this.#residents.admit(load.key, value, load.dirty);
  }

  #fail(load: SharedLoad<K, V>, error: unknown): void {
    this.#leave(load);
    load.fail(error);
  }
}

type ReadValue<V> = () => V | PromiseLike<V>;
