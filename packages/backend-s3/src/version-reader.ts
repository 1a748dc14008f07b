import { HttpRangeSource, type ObjectVersion, probe, RangeEngine } from "@instar/backend-http/engine";
import type { S3Store } from "./store.js";

/** One version of an object, read by ranges. */
export class VersionReader {
  readonly version: ObjectVersion;
  readonly #engine: RangeEngine;

  /** `beginning` are its first bytes, where they are there already. */
  constructor(store: S3Store, version: ObjectVersion, beginning?: Uint8Array) {
    this.version = version;
    const source = new HttpRangeSource(store.client, store.target, version);
    this.#engine = new RangeEngine(source, store.settings, beginning);
  }

  /** The version that is there. Its first bytes come along, if it is to be read. */
  static async open(store: S3Store, toRead: boolean, signal: AbortSignal | undefined): Promise<VersionReader> {
    const settings = toRead ? store.settings : { ...store.settings, firstRead: 0 };
    const { version, beginning } = await probe(store.client, store.target, settings, signal);
    return new VersionReader(store, version, beginning);
  }

  get size(): number {
    return this.version.size;
  }

  /** Fills `target`, which is not empty, from `offset`. */
  read(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#engine.read(target, offset, signal);
  }
}
