import { printable } from "./errors.js";
import type { StorageCounters } from "./protocols/protocol.js";

/** A cache that counts. */
interface Cache {
  readonly counters: { readonly hits: number; readonly misses: number };
}

interface Source {
  readonly name: string;
  readonly storage: StorageCounters | undefined;
  readonly cache: Cache | undefined;
}

function askedOf({ requests, bytes, sent, retries }: StorageCounters): string {
  return `requests ${requests}, bytes ${bytes}, ${sent > 0 ? `sent ${sent}, ` : ""}retries ${retries}`;
}

/** Counts, for `--stats`, what has been asked of storage over the network. */
export class StorageStats {
  readonly #sources: Source[] = [];

  /**
   * Has a storage counted.
   *
   * @param name shows nothing that is secret
   * @param cache the cache over it, where it has one
   */
  add(name: string, storage: StorageCounters | undefined, cache: Cache | undefined): void {
    this.#sources.push({ name, storage, cache });
  }

  /** What has come together, a line for each storage. */
  report(): string {
    if (this.#sources.length === 0) return "stats: nothing was asked of storage over the network\n";
    return this.#sources
      .map(({ name, storage, cache }) => {
        const asked = storage && askedOf(storage);
        const kept = cache && `cache hits ${cache.counters.hits}, cache misses ${cache.counters.misses}`;
        return printable(`stats: ${name}: ${[asked, kept].filter((part) => part !== undefined).join(", ")}`) + "\n";
      })
      .join("");
  }
}
