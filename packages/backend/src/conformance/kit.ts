import type { Backend, CallOptions, Capabilities, Extent } from "../contract.js";
import { expectBytes, expectSame } from "./assert.js";
import { pattern } from "./random.js";
import type { BackendFactory, ConformanceOptions, Subject, TestRunner } from "./types.js";

/** What a test gets. */
export interface Trial {
  readonly backend: Backend;
  readonly subject: Subject;
  /** The bytes the backend was made with; the test may use it as its model. */
  readonly contents: Uint8Array;
  /** Closes the backend; a test that closes it does so with this. */
  readonly close: () => Promise<void>;
}

const NOTHING: Capabilities = {
  write: false,
  grow: false,
  truncate: false,
  writeZeroes: false,
  discard: false,
  allocate: false,
  extents: false,
  durable: false,
};

/** What the rules are written with: the sizes to use and a way to define a test. */
export class Kit {
  readonly capabilities: Capabilities;
  readonly block: number;
  /** Size in bytes of the backend that a test gets. */
  readonly size: number;
  readonly seed: number;
  readonly steps: number;
  readonly #sizeStep: number;
  readonly #runner: TestRunner;
  readonly #factory: BackendFactory;

  constructor(runner: TestRunner, factory: BackendFactory, options: ConformanceOptions) {
    this.capabilities = { ...NOTHING, ...factory.capabilities };
    this.block = Math.max(16, factory.blockSize ?? 4096);
    this.#sizeStep = factory.sizeStep ?? 1;
    this.size = this.rounded(4 * this.block + Math.floor(this.block / 2) + 3);
    this.seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
    this.steps = options.steps ?? 300;
    this.#runner = runner;
    this.#factory = factory;
  }

  /** The next size at or above `size` that the backend can have. */
  rounded(size: number): number {
    return Math.ceil(size / this.#sizeStep) * this.#sizeStep;
  }

  /** Groups tests. */
  group(name: string, body: () => void): void {
    this.#runner.describe(name, body);
  }

  /** Defines a test of one rule, over a fresh backend of `contents` (by default: no byte of it is 0). */
  test(rule: string, body: (trial: Trial) => Promise<void>, contents?: () => Uint8Array): void {
    this.#runner.it(rule, async () => {
      const bytes = contents?.() ?? pattern(this.size, 1);
      const subject = await this.#factory.create(bytes.slice());
      const { backend } = subject;
      let closed = false;
      const close = (): Promise<void> => {
        closed = true;
        return backend.close();
      };
      try {
        await body({ backend, subject, contents: bytes, close });
        if (!closed) await close();
      } finally {
        // A test that fails half-way leaves its backend open, and its own error is the one to report.
        if (!closed) await close().catch(() => {});
        await subject.dispose?.();
      }
    });
  }

  /** Contents of data and zeroes in turn, cut within blocks and at their boundaries. */
  sparseContents(): Uint8Array {
    const bytes = pattern(this.size, 2);
    const half = Math.floor(this.block / 2);
    bytes.fill(0, this.block, 2 * this.block);
    bytes.fill(0, 2 * this.block + half, 3 * this.block + half);
    return bytes;
  }
}

/** Reads a range into a fresh buffer. */
export async function readRange(
  backend: Backend,
  offset: number,
  length: number,
  options?: CallOptions,
): Promise<Uint8Array> {
  const target = new Uint8Array(length).fill(0xa5);
  await backend.read(target, offset, options);
  return target;
}

/** Requires the whole backend to be `expected`, size and bytes. */
export async function expectContents(backend: Backend, expected: Uint8Array, what: string): Promise<void> {
  expectSame(backend.size, expected.length, `${what}: size`);
  expectBytes(await readRange(backend, 0, expected.length), expected, what);
}

/** All extents of a range. */
export async function collectExtents(
  backend: Backend,
  offset: number,
  length: number,
  options?: CallOptions,
): Promise<Extent[]> {
  const found: Extent[] = [];
  for await (const extent of backend.extents(offset, length, options)) found.push(extent);
  return found;
}

/** Lets promises that can settle without I/O do so. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** Runs `body` with a backend, and closes that whatever happens. */
export async function withBackend(opening: Promise<Backend>, body: (backend: Backend) => Promise<void>): Promise<void> {
  const backend = await opening;
  try {
    await body(backend);
  } finally {
    await backend.close();
  }
}
