import { BackendError, isBackendError } from "@instar/backend";
import type { Answer, ObjectVersion } from "@instar/backend-http/engine";
import { guaranteeOf, ifAbsent, ifMatch, type S3Conditions } from "./conditions.js";
import { inParallel } from "./in-parallel.js";
import { MultipartUpload, type StoredPart } from "./multipart-upload.js";
import { lookAt, type ObjectState, publicationHeader } from "./object-state.js";
import { PublishLock } from "./publish-lock.js";
import { partRules } from "./part-rules.js";
import { type ByteRange, type PartRules, type PlannedPart, planParts } from "./publish-plan.js";
import type { S3Store } from "./store.js";
import { textOf } from "./xml.js";

/** How often putting parts together is tried when it begins well (a status of 200), and ends in what may pass. */
const tries = 4;

/** How versions are published. */
export interface PublicationSettings {
  readonly conditions: S3Conditions;
  /** Parts under way at once. */
  readonly parallel: number;
  /** Whether all parts but the last must have the same size. */
  readonly equalParts: boolean;
}

/** What the new version consists of. */
export interface NewContents {
  readonly size: number;
  /** Ranges that are not as in the old version, in ascending order; what lies beyond its end is among them. */
  readonly changed: readonly ByteRange[];
  /** Fills `target` from `offset`. */
  read(target: Uint8Array, offset: number): Promise<void>;
}

/** Publishes one version in the place of another. */
export class Publication {
  readonly #store: S3Store;
  readonly #conditions: S3Conditions;
  readonly #base: string | undefined;
  readonly #token: string;
  readonly #parallel: number;
  readonly #rules: PartRules;

  /** `base` is the ETag of the version it takes the place of, if there is one; `token` is nobody else's. */
  constructor(store: S3Store, settings: PublicationSettings, base: string | undefined, token: string) {
    this.#store = store;
    this.#conditions = settings.conditions;
    this.#base = base;
    this.#token = token;
    this.#parallel = settings.parallel;
    this.#rules = partRules(settings.equalParts);
  }

  /**
   * Publishes. When it rejects, the old version is still there, or that of somebody else; or, where the answer was lost,
   * a version with the token.
   *
   * @throws {@link BackendError} `ERR_CHANGED` when the object is not the old version any more.
   */
  async publish(contents: NewContents): Promise<ObjectVersion> {
    const state = await lookAt(this.#store);
    this.#expectBase(state);
    const handedOn = state?.headers ?? { "content-type": "application/octet-stream" };
    const headers = { ...handedOn, [publicationHeader]: this.#token };
    const parts = planParts(contents.size, contents.changed, this.#rules);
    const whole = contents.size < this.#rules.least || (parts.length === 1 && parts[0]?.copy === false);
    const etag = whole
      ? await this.#publishWhole(contents, headers)
      : await this.#publishParts(contents, parts, headers, state);
    return { size: contents.size, etag, lastModified: undefined };
  }

  async #publishWhole(contents: NewContents, headers: Readonly<Record<string, string>>): Promise<string> {
    const body = new Uint8Array(contents.size);
    if (contents.size > 0) await contents.read(body, 0);
    const path = this.#store.address.path();
    const condition = this.#condition;
    return this.#commit(() => this.#store.ask({ method: "PUT", path, headers: { ...headers, ...condition }, body }));
  }

  async #publishParts(
    contents: NewContents,
    parts: readonly PlannedPart[],
    headers: Readonly<Record<string, string>>,
    old: ObjectState | undefined,
  ): Promise<string> {
    const upload = await MultipartUpload.begin(this.#store, headers);
    try {
      const stored = await inParallel(this.#parallel, parts, (part, index) =>
        part.copy && old ? upload.copy(index, part, old) : sendPart(upload, contents, part, index),
      );
      const condition = this.#conditions.complete ? this.#condition : {};
      return await this.#commit(() => upload.complete(stored, condition));
    } catch (error) {
      // What this leaves behind is ended by a later open.
      await upload.abort().catch(() => undefined);
      throw error;
    }
  }

  /** Takes the step that makes the new version visible, and gives its ETag. */
  async #commit(step: () => Promise<Answer>): Promise<string> {
    switch (guaranteeOf(this.#conditions)) {
      case "conditional":
        return this.#step(step);
      case "checked":
        this.#expectBase(await lookAt(this.#store));
        return this.#step(step);
      case "locked": {
        const lock = await PublishLock.take(this.#store, this.#conditions, this.#token);
        try {
          this.#expectBase(await lookAt(this.#store));
          return await this.#step(() => {
            lock.demandHeld();
            return step();
          });
        } finally {
          // Whether it could be given back says nothing about the version; in the end others take it.
          await lock.release().catch(() => undefined);
        }
      }
    }
  }

  async #step(step: () => Promise<Answer>): Promise<string> {
    let failure: unknown;
    for (let attempt = 0; attempt < tries; attempt++) {
      let answer: Answer | undefined;
      try {
        answer = await step();
        return await this.#etagOf(this.#store.demandSuccess(answer));
      } catch (error) {
        failure = error;
      }
      // A refusal may be due to an earlier attempt that succeeded, and whose answer was lost.
      const state = await lookAt(this.#store).catch(() => undefined);
      if (state?.publication === this.#token) return state.etag;
      if (state) this.#expectBase(state);
      if (answer?.status !== 200 || !isBackendError(failure) || !failure.retryable) break;
    }
    throw failure;
  }

  async #etagOf({ headers, body }: Answer): Promise<string> {
    // Ceph has an element with nothing in it.
    const told = textOf(body, "ETag") || headers["etag"];
    if (typeof told === "string" && told !== "") return told.startsWith('"') ? told : `"${told}"`;
    const state = await lookAt(this.#store);
    // Where somebody was faster, the version that was published is the old one already: nobody has this ETag.
    return state?.publication === this.#token ? state.etag : `"${this.#token}"`;
  }

  get #condition(): Readonly<Record<string, string>> {
    return this.#base === undefined ? ifAbsent(this.#conditions) : ifMatch(this.#conditions, this.#base);
  }

  #expectBase(state: ObjectState | undefined): void {
    if (state?.etag === this.#base) return;
    const what = state ? "somebody else has published another version" : "somebody has removed it";
    throw new BackendError("ERR_CHANGED", `${this.#store.name}: ${what} since it was opened; nothing was published`);
  }
}

async function sendPart(
  upload: MultipartUpload,
  contents: NewContents,
  { start, end }: ByteRange,
  index: number,
): Promise<StoredPart> {
  const body = new Uint8Array(end - start);
  await contents.read(body, start);
  return upload.put(index, body);
}
