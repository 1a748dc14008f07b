import { BackendError } from "@instar/backend";
import type { Answer } from "@instar/backend-http/engine";
import { ifAbsent, ifMatch, type S3Conditions } from "./conditions.js";
import { publicationHeader } from "./object-state.js";
import type { S3Store, StoreRequest } from "./store.js";

/** How old the lock of a writer that died is, at least, in milliseconds: a living one holds it for seconds. */
const stale = 900_000;
/** How often one that is held is looked at again. */
const looks = 60;
const pause = 500;

/**
 * The right to publish a new version of an object, by an object beside it: for stores that create conditionally, but do
 * not complete uploads so. Of all writers of this package one has it at a time.
 */
export class PublishLock {
  readonly #store: S3Store;
  readonly #path: string;
  readonly #token: string;

  private constructor(store: S3Store, path: string, token: string) {
    this.#store = store;
    this.#path = path;
    this.#token = token;
  }

  /**
   * Takes the lock, also one whose owner died. `token` is nobody else's.
   *
   * @throws {@link BackendError} `ERR_LOCKED`, retryable, when another keeps it for half a minute.
   */
  static async take(store: S3Store, conditions: S3Conditions, token: string): Promise<PublishLock> {
    const path = store.address.path(`${store.address.key}.instar-lock`);
    const body = new TextEncoder().encode(token);
    const own = { "content-type": "text/plain", [publicationHeader]: token };
    const put = (headers: StoreRequest["headers"]): Promise<Answer> =>
      store.ask({ method: "PUT", path, headers: { ...headers, ...own }, body });
    for (let look = 0; look < looks; look++) {
      const made = await put(ifAbsent(conditions));
      if (made.status !== 412 && made.status !== 409) {
        store.demandSuccess(made);
        return new PublishLock(store, path, token);
      }
      const found = await store.ask({ method: "HEAD", path, headers: {} });
      // An answer that got lost on its way can have made it ours.
      if (found.headers[publicationHeader] === token) return new PublishLock(store, path, token);
      if (found.status === 200 && ageOf(found) >= stale) {
        const taken = await put(ifMatch(conditions, String(found.headers["etag"])));
        if (taken.status === 200) return new PublishLock(store, path, token);
      } else if (found.status === 200) {
        await new Promise<void>((resolve) => void store.settings.clock.after(pause, resolve));
      }
    }
    throw new BackendError("ERR_LOCKED", `${store.name}: another writer is publishing`, { retryable: true });
  }

  /** Gives it back. */
  async release(): Promise<void> {
    const found = await this.#store.ask({ method: "HEAD", path: this.#path, headers: {} });
    // Whoever held it for too long may have lost it.
    if (found.headers[publicationHeader] !== this.#token) return;
    await this.#store.success({ method: "DELETE", path: this.#path, headers: {} });
  }
}

function ageOf({ headers }: Answer): number {
  return Date.parse(String(headers["date"])) - Date.parse(String(headers["last-modified"]));
}
