import { randomUUID } from "node:crypto";
import { isBackendError } from "@instar/backend";
import { Changes, type Run } from "./changes.js";
import { lookAt } from "./object-state.js";
import { Publication, type PublicationSettings } from "./publication.js";
import type { Spill } from "./spill.js";
import type { S3Store } from "./store.js";
import { VersionReader } from "./version-reader.js";

/** How an object is written. */
export interface WritableSettings extends PublicationSettings {
  /** Most bytes of changes in memory. */
  readonly memory: number;
  readonly spill: Spill | undefined;
}

/** An object whose changes are kept aside until they are published as a new version. */
export class WritableObject {
  readonly #store: S3Store;
  readonly #settings: WritableSettings;
  readonly #changes: Changes;
  /** The version that the changes are made to; one without an ETag is an object that is not there yet. */
  #reader: VersionReader;
  #size: number;
  #publishing: Promise<void> | undefined;
  #abandoned = false;
  /** The publication that follows the one under way, for all who ask for one meanwhile. */
  #next: Promise<void> | undefined;
  /** Tokens of publications that failed, which may have succeeded all the same. */
  readonly #doubtful = new Set<string>();

  constructor(store: S3Store, reader: VersionReader, settings: WritableSettings) {
    this.#store = store;
    this.#settings = settings;
    this.#changes = new Changes(store.name, settings.memory, settings.spill);
    this.#reader = reader;
    this.#size = reader.version.size;
  }

  get size(): number {
    return this.#size;
  }

  async read(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const reader = this.#reader;
      try {
        const runs = this.#changes.runs(offset, offset + target.byteLength);
        return await this.#readRuns(runs, reader, target, offset, signal);
      } catch (error) {
        if (!isBackendError(error, "ERR_CHANGED")) throw error;
        // It may be this very object that has replaced the version.
        await this.#publishing?.catch(() => undefined);
        if (this.#reader === reader) await this.#resolveDoubt();
        if (this.#reader === reader) throw error;
      }
    }
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    await this.#changes.write(source, offset);
    this.#size = Math.max(this.#size, offset + source.byteLength);
  }

  async zero(offset: number, length: number): Promise<void> {
    await this.#changes.zero(offset, offset + length);
  }

  async truncate(size: number): Promise<void> {
    // What is cut off must not come back when it grows again.
    await this.#changes.zero(size, this.#size);
    this.#size = size;
  }

  /** Publishes what was changed before the call, if anything was. An abort ends the wait only. */
  async sync(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const published = this.#publishing ? this.#publishNext() : this.#publish();
    if (!signal) return published;
    await new Promise<void>((resolve, reject) => {
      const aborted = (): void => reject(signal.reason);
      signal.addEventListener("abort", aborted, { once: true });
      published.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
    });
  }

  /** Publishes nothing from now on. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    await this.#publishing?.catch(() => undefined);
  }

  /** Publishes what there is, and frees what it holds. */
  async close(): Promise<void> {
    await this.sync(undefined);
    await this.#settings.spill?.close();
  }

  #publishNext(): Promise<void> {
    this.#next ??= (async () => {
      await this.#publishing?.catch(() => undefined);
      this.#next = undefined;
      await this.#publish();
    })();
    return this.#next;
  }

  #publish(): Promise<void> {
    this.#publishing = this.#publishChanges().finally(() => {
      this.#publishing = undefined;
    });
    return this.#publishing;
  }

  async #publishChanges(): Promise<void> {
    const { etag: known, size: published } = this.#reader.version;
    const same = known !== undefined && this.#changes.empty && this.#size === published;
    if (this.#abandoned || same) return;
    await this.#resolveDoubt();
    const reader = this.#reader;
    const size = this.#size;
    this.#changes.freeze();
    const token = randomUUID();
    try {
      const publication = new Publication(this.#store, this.#settings, reader.version.etag, token);
      const changed = this.#changes.frozenRuns(0, size).filter((run) => run.piece || run.end > reader.version.size);
      const version = await publication.publish({
        size,
        changed: changed.map(({ start, end, piece }) => ({
          start: piece ? start : Math.max(start, reader.version.size),
          end,
        })),
        read: (target, offset) => {
          const runs = this.#changes.frozenRuns(offset, offset + target.byteLength);
          return this.#readRuns(runs, reader, target, offset, undefined);
        },
      });
      this.#reader = new VersionReader(this.#store, version);
      this.#doubtful.clear();
    } catch (error) {
      this.#doubtful.add(token);
      await this.#changes.thaw();
      throw error;
    }
    await this.#changes.published();
  }

  /** A publication that seemed to fail may have succeeded: then its version is the one to go on from. */
  async #resolveDoubt(): Promise<void> {
    if (this.#doubtful.size === 0) return;
    const state = await lookAt(this.#store);
    if (!state || state.etag === this.#reader.version.etag || !this.#doubtful.has(state.publication ?? "")) return;
    this.#reader = new VersionReader(this.#store, { size: state.size, etag: state.etag, lastModified: undefined });
  }

  async #readRuns(
    runs: readonly Run[],
    reader: VersionReader,
    target: Uint8Array,
    offset: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await Promise.all(
      runs.map(async (run) => {
        const part = target.subarray(run.start - offset, run.end - offset);
        if (run.piece) return this.#changes.read(part, run, signal);
        const there = Math.max(0, Math.min(part.byteLength, reader.version.size - run.start));
        part.fill(0, there);
        if (there > 0) await reader.read(part.subarray(0, there), run.start, signal);
      }),
    );
  }
}
