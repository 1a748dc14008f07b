import { Pool } from "undici";

/** Most origins that connections are kept to; a server may redirect to ever new ones. */
const most = 8;

/**
 * Connections, by origin. What undici's `Agent` does too, but that one can end up with a new connection for each
 * request: a pool that closes takes its successor at the same origin along.
 */
export class OriginPools {
  readonly #options: Pool.Options;
  /** The one used longest ago comes first. */
  readonly #pools = new Map<string, Pool>();
  #latest: { readonly origin: string; readonly pool: Pool } | undefined;
  readonly #leaving = new Set<Pool>();

  constructor(options: Pool.Options) {
    this.#options = options;
  }

  /** The connections to an origin. */
  of(origin: string): Pool {
    if (this.#latest?.origin === origin) return this.#latest.pool;
    const pool = this.#pools.get(origin) ?? new Pool(origin, this.#options);
    this.#pools.delete(origin);
    this.#pools.set(origin, pool);
    this.#latest = { origin, pool };
    if (this.#pools.size > most) this.#dropOldest();
    return pool;
  }

  /** Breaks all connections. */
  async destroy(): Promise<void> {
    const pools = [...this.#pools.values(), ...this.#leaving];
    this.#pools.clear();
    this.#latest = undefined;
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #dropOldest(): void {
    for (const [origin, pool] of this.#pools) {
      this.#pools.delete(origin);
      this.#leaving.add(pool);
      // Its requests may finish. What a connection has to say on its way out concerns nobody.
      const left = (): void => void this.#leaving.delete(pool);
      pool.close().then(left, left);
      return;
    }
  }
}
