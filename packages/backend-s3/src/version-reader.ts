import { HttpRangeSource, type ObjectVersion, probe, RangeEngine } from "@instar/backend-http/engine";
import type { S3Store } from "./store.js";

/** One version of an object, read by ranges. */
export class VersionReader {
  readonly version: ObjectVersion;
  readonly #engine: RangeEngine;

  constructor(store: S3Store, version: ObjectVersion) {
    this.version = version;
    this.#engine = new RangeEngine(new HttpRangeSource(store.client, store.target, version), store.settings);
  }

  /** The version that is there. */
  static async open(store: S3Store, signal: AbortSignal | undefined): Promise<VersionReader> {
    return new VersionReader(store, await probe(store.client, store.target, store.settings, signal));
  }

  get size(): number {
    return this.version.size;
  }

  /** Fills `target`, which is not empty, from `offset`. */
  read(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#engine.read(target, offset, signal);
  }
}
