/** Options every operation takes. */
export interface CallOptions {
  /**
   * Ends the wait: the call rejects with `signal.reason`. What an aborted write, zero, discard or truncate has already
   * done to its range is unspecified; everything outside the range is untouched.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What a backend can do. A method whose flag is `false` rejects with `ERR_UNSUPPORTED` and does nothing. */
export interface Capabilities {
  /** `write` and `sync` work. Where this is `false`, they and every changing method reject with `ERR_READ_ONLY`. */
  readonly write: boolean;
  /** A write that ends past the end grows the backend; where `false` it rejects with `ERR_RANGE`. */
  readonly grow: boolean;
  /** `truncate` works. */
  readonly truncate: boolean;
  /** `writeZeroes` works, and costs less than writing the zeroes. */
  readonly writeZeroes: boolean;
  /** `discard` works. */
  readonly discard: boolean;
  /** `allocate` works. */
  readonly allocate: boolean;
  /** `extents` tells data from holes. */
  readonly extents: boolean;
  /** What a resolved `sync` has made safe survives a power cut (a memory backend survives nothing). */
  readonly durable: boolean;
}

/** One run of bytes of the same kind. */
export interface Extent {
  /** First byte. */
  readonly offset: number;
  /** Length in bytes, greater than 0. */
  readonly length: number;
  /**
   * - `data`: stored bytes;
   * - `zero`: reads as zeroes, and this layer says so;
   * - `hole`: reads as zeroes because nothing is stored here: not in this layer, nor in a layer below it.
   */
  readonly kind: "data" | "zero" | "hole";
}

/**
 * Random access to bytes: a file, an object, a disk image, or a cache over any of them.
 *
 * Offsets and lengths are bytes, as integers from 0 to 2^53-1. All methods may run side by side; the order of writes
 * that overlap, or of a write and a read that overlap, is the caller's business. Every failure is a `BackendError`,
 * but for an abort, which rejects with the reason of the signal. After `close` every method rejects with `ERR_CLOSED`.
 */
export interface Backend {
  /** What it is, for messages: a path or URL, never with a secret in it. */
  readonly name: string;
  /** What it can do; constant while it is open. */
  readonly capabilities: Capabilities;
  /** Length in bytes, as of opening and of what was done through this object since. */
  readonly size: number;

  /**
   * Fills the whole of `target` from `offset`.
   *
   * - Bytes past the end are `ERR_RANGE`, and never zeroes.
   * - `target` is not touched after the promise has settled.
   */
  read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void>;

  /**
   * Writes the whole of `source` at `offset`.
   *
   * - Past the end it grows the backend (`grow`) or is `ERR_RANGE`; a gap that growing leaves reads as zeroes.
   * - `source` must stay as it is until the promise settles, and is not looked at afterwards.
   * - An empty source changes nothing, nor the size.
   */
  write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void>;

  /** Sets the size. Bytes beyond are gone; new bytes read as zeroes. */
  truncate(size: number, options?: CallOptions): Promise<void>;

  /** Makes a range read as zeroes. The range must lie within the size. */
  writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void>;

  /** Says that a range is not needed. It reads as old content or zeroes afterwards. It must lie within the size. */
  discard(offset: number, length: number, options?: CallOptions): Promise<void>;

  /**
   * Sets space aside for a range, so that a later write there does not fail for lack of it.
   *
   * - What the range holds stays. What it has past the end grows the backend by zeroes (`grow`) or is `ERR_RANGE`.
   * - Where it fails, part of it may have been done. `ERR_UNSUPPORTED` is for storage that can, but not for this file.
   * - An empty range changes nothing, nor the size.
   */
  allocate(offset: number, length: number, options?: CallOptions): Promise<void>;

  /** Resolves when everything written before the call is durable. Rejects when any of it may not be. */
  sync(options?: CallOptions): Promise<void>;

  /**
   * What the range consists of: extents in ascending order, without gaps or overlaps, covering exactly the range.
   * Neighbours may be of one kind. The range must lie within the size. It rejects when it is iterated, not when it is
   * called, and counts as under way while a step is awaited, not between two steps.
   */
  extents(offset: number, length: number, options?: CallOptions): AsyncIterable<Extent>;

  /**
   * Ends use.
   *
   * - Waits for calls under way. Does not sync.
   * - A wrapper hands over what it has buffered to the backend it stands on, and then closes that too: it is its owner.
   * - A second close does nothing. Where a close rejects nothing is lost: the backend is still open, and can be closed
   *   again.
   */
  close(): Promise<void>;
}
