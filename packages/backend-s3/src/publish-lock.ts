import { createHash } from "node:crypto";
import { BackendError } from "@instar/backend";
import type { Answer } from "@instar/backend-http/engine";
import { ifAbsent, ifMatch, type S3Conditions } from "./conditions.js";
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
  readonly #etag: string;

  private constructor(store: S3Store, path: string, etag: string) {
    this.#store = store;
    this.#path = path;
    this.#etag = etag;
  }

  /**
   * Takes the lock, also one whose owner died. `token` is nobody else's.
   *
   * @throws {@link BackendError} `ERR_LOCKED`, retryable, when another keeps it for half a minute.
   */
  static async take(store: S3Store, conditions: S3Conditions, token: string): Promise<PublishLock> {
    const path = store.address.path(`${store.address.key}.instar-lock`);
    const body = new TextEncoder().encode(token);
    const etag = `"${createHash("md5").update(body).digest("hex")}"`;
    const put = (headers: StoreRequest["headers"]): Promise<Answer> =>
      store.ask({ method: "PUT", path, headers: { ...headers, "content-type": "text/plain" }, body });
    for (let look = 0; look < looks; look++) {
      const made = await put(ifAbsent(conditions));
      if (made.status !== 412 && made.status !== 409) {
        store.demandSuccess(made);
        return new PublishLock(store, path, etag);
      }
      const found = await store.ask({ method: "HEAD", path, headers: {} });
      // An answer that got lost on its way can have made it ours.
      if (found.headers["etag"] === etag) return new PublishLock(store, path, etag);
      if (found.status === 200 && ageOf(found) >= stale) {
        const taken = await put(ifMatch(conditions, String(found.headers["etag"])));
        if (taken.status === 200) return new PublishLock(store, path, etag);
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
    if (found.headers["etag"] !== this.#etag) return;
    await this.#store.success({ method: "DELETE", path: this.#path, headers: {} });
  }
}

function ageOf({ headers }: Answer): number {
  return Date.parse(String(headers["date"])) - Date.parse(String(headers["last-modified"]));
}
