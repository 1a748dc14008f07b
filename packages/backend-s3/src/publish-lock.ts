import { BackendError } from "@instar/backend";
import type { Answer } from "@instar/backend-http/engine";
import { ifAbsent, ifMatch, type S3Conditions } from "./conditions.js";
import { publicationHeader } from "./object-state.js";
import type { S3Store, StoreRequest } from "./store.js";

/** How old the lock of a writer that died is, at least, in milliseconds: a living one renews it long before. */
const stale = 120_000;
/** How often it is renewed. */
const beat = 30_000;
/** How long after its last renewal its owner relies on it: what is sent then has time to arrive while it is still good. */
const reliable = 60_000;
/** How often one that is held is looked at again. */
const looks = 60;
const pause = 500;

/**
 * The right to publish a new version of an object, by an object beside it: for stores that create conditionally, but do
 * not complete uploads so. Of all writers of this package one has it at a time. It is renewed as long as it is held.
 */
export class PublishLock {
  readonly #store: S3Store;
  readonly #path: string;
  readonly #token: string;
  readonly #conditions: S3Conditions;
  /** When it was good for sure the last time, by the clock of this machine. */
  #renewed: number;
  #stopTimer: () => void = () => undefined;
  #renewing: Promise<void> | undefined;
  #released = false;
  /** Puts of the lock so far: each has another ETag, so that nobody takes what has just been renewed. */
  #puts = 0;

  private constructor(store: S3Store, conditions: S3Conditions, token: string) {
    this.#store = store;
    this.#path = pathOf(store);
    this.#token = token;
    this.#conditions = conditions;
    this.#renewed = store.settings.clock.now();
  }

  /**
   * Takes the lock, also one whose owner died. `token` is nobody else's.
   *
   * @throws {@link BackendError} `ERR_LOCKED`, retryable, when another keeps it for half a minute.
   */
  static async take(store: S3Store, conditions: S3Conditions, token: string): Promise<PublishLock> {
    for (let look = 0; look < looks; look++) {
      const lock = new PublishLock(store, conditions, token);
      const made = await lock.#put(ifAbsent(conditions));
      if (made.status !== 412 && made.status !== 409) {
        store.demandSuccess(made);
        return lock.#held();
      }
      const found = await lock.#look();
      // An answer that got lost on its way can have made it ours.
      if (found.headers[publicationHeader] === token) return lock.#held();
      if (found.status === 200 && ageOf(found) >= stale) {
        const taken = await lock.#put(ifMatch(conditions, String(found.headers["etag"])));
        if (taken.status === 200) return lock.#held();
      } else if (found.status === 200) {
        await new Promise<void>((resolve) => void store.settings.clock.after(pause, resolve));
      }
    }
    throw new BackendError("ERR_LOCKED", `${store.name}: another writer is publishing`, { retryable: true });
  }

  /** @throws {@link BackendError} `ERR_LOCKED`, retryable, when it was not renewed for so long that another may have it. */
  demandHeld(): void {
    if (this.#store.settings.clock.now() - this.#renewed < reliable) return;
    const message = `${this.#store.name}: the lock of the publication could not be renewed in time`;
    throw new BackendError("ERR_LOCKED", message, { retryable: true });
  }

  /** Gives it back. */
  async release(): Promise<void> {
    this.#released = true;
    this.#stopTimer();
    await this.#renewing;
    const found = await this.#look();
    // Whoever held it for too long may have lost it.
    if (found.headers[publicationHeader] !== this.#token) return;
    await this.#store.success({ method: "DELETE", path: this.#path, headers: {} });
  }

  #held(): this {
    this.#renewLater();
    return this;
  }

  #renewLater(): void {
    this.#stopTimer = this.#store.settings.clock.after(beat, () => {
      // One that cannot be renewed is noticed by its age.
      this.#renewing = this.#renew().catch(() => undefined);
    });
  }

  async #renew(): Promise<void> {
    const begin = this.#store.settings.clock.now();
    try {
      const found = await this.#look();
      if (found.headers[publicationHeader] !== this.#token) return;
      const renewed = await this.#put(ifMatch(this.#conditions, String(found.headers["etag"])));
      if (renewed.status === 200) this.#renewed = begin;
    } finally {
      if (!this.#released) this.#renewLater();
    }
  }

  #look(): Promise<Answer> {
    return this.#store.ask({ method: "HEAD", path: this.#path, headers: {} });
  }

  #put(condition: StoreRequest["headers"]): Promise<Answer> {
    const headers = { ...condition, "content-type": "text/plain", [publicationHeader]: this.#token };
    return this.#store.ask({
      method: "PUT",
      path: this.#path,
      headers,
      body: new TextEncoder().encode(`${this.#token} ${++this.#puts}`),
    });
  }
}

function pathOf({ address }: S3Store): string {
  return address.path(`${address.key}.instar-lock`);
}

function ageOf({ headers }: Answer): number {
  return Date.parse(String(headers["date"])) - Date.parse(String(headers["last-modified"]));
}
