import type { Backend, Capabilities } from "../contract.js";

/** What the kit needs of a test runner: vitest, node:test, mocha and jest all have it. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
}

/** One backend under test, fresh for each test. */
export interface Subject {
  /** The backend. The kit closes it. */
  readonly backend: Backend;
  /**
   * Opens the same storage anew; called after `backend` was closed. The kit closes what it gets. A factory whose
   * manifest has `write` and `durable` must offer it.
   */
  reopen?(options: { readonly write: boolean }): Promise<Backend>;
  /**
   * Opens, read-only, what the storage holds at this moment, while `backend` is still open: what would be found if the
   * program had been killed now. The kit calls it after a `sync`, and closes what it gets. A wrapper that buffers
   * should offer it: nothing else shows that `sync` reaches the storage.
   */
  afterCrash?(): Promise<Backend>;
  /** Frees what `create` took. Called last, with every backend closed. */
  dispose?(): Promise<void>;
}

/** Makes the backends under test, all of one kind. */
export interface BackendFactory {
  /** Names the kind, in the titles of the tests. */
  readonly name: string;
  /**
   * The manifest that every backend of this kind has. It decides which tests are defined: where a flag is `false`, the
   * tests of its method give way to one that expects the refusal. A backend with another manifest fails. A flag that is
   * not here is `false`.
   */
  readonly capabilities: Partial<Capabilities>;
  /**
   * Size in bytes of what the backend divides its bytes into (blocks, clusters, pages). Defaults to 4096, and is 16 at
   * least. A test works on about five blocks, the random one on up to twenty: blocks of megabytes take a runner's
   * timeout of more than the usual five seconds.
   */
  readonly blockSize?: number;
  /** Every size the backend can have is a multiple of this many bytes. Defaults to 1. */
  readonly sizeStep?: number;
  /**
   * Opens a fresh backend whose bytes are `contents` (a few blocks of them, with runs of zeroes that may be stored as
   * holes). It may keep the buffer.
   */
  create(contents: Uint8Array): Promise<Subject>;
}

/** What can be changed about the random tests. */
export interface ConformanceOptions {
  /** Replays the run whose failure named this seed: an integer. Defaults to a random one. */
  readonly seed?: number | undefined;
  /** How many random operations are tried. Defaults to 300. */
  readonly steps?: number | undefined;
}
