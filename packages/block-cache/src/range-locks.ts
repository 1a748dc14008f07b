/** A place in a {@link RangeLocks}. */
export interface RangeHold {
  /** Resolves when nobody who came before stands in the way; `undefined` when nobody does. */
  readonly ready: Promise<void> | undefined;
  /** Lets go, waiting or not. */
  leave(): void;
}

/**
 * Ranges of blocks, held by many or by one alone, in the order of arrival: whoever enters waits only for those who came
 * before, so that nothing can wait in a circle.
 */
export class RangeLocks {
  readonly #holds = new Set<Hold>();
  #exclusive = 0;

  /** Whether nobody holds any of the range alone, or waits to. */
  isOpen(first: number, last: number): boolean {
    return this.#exclusive === 0 || !this.#conflicts(first, last, false);
  }

  /** Takes a place for the blocks from `first` to `last`: together with others, or, `exclusive`, alone. */
  enter(first: number, last: number, exclusive = false): RangeHold {
    let ready: Promise<void> | undefined;
    if (exclusive || this.#exclusive > 0) {
      const before = Array.from(this.#holds).filter((hold) => hold.conflicts(first, last, exclusive));
      if (before.length > 0) ready = Promise.all(before.map((hold) => hold.left)).then(() => {});
    }
    const hold = new Hold(first, last, exclusive, ready, () => {
      if (this.#holds.delete(hold) && exclusive) this.#exclusive--;
    });
    this.#holds.add(hold);
    if (exclusive) this.#exclusive++;
    return hold;
  }

  #conflicts(first: number, last: number, exclusive: boolean): boolean {
    for (const hold of this.#holds) if (hold.conflicts(first, last, exclusive)) return true;
    return false;
  }
}

class Hold implements RangeHold {
  readonly ready: Promise<void> | undefined;
  readonly #first: number;
  readonly #last: number;
  readonly #exclusive: boolean;
  readonly #forget: () => void;
  #left: PromiseWithResolvers<void> | undefined;

  constructor(first: number, last: number, exclusive: boolean, ready: Promise<void> | undefined, forget: () => void) {
    this.#first = first;
    this.#last = last;
    this.#exclusive = exclusive;
    this.ready = ready;
    this.#forget = forget;
  }

  /** Resolves when the hold is over. */
  get left(): Promise<void> {
    this.#left ??= Promise.withResolvers<void>();
    return this.#left.promise;
  }

  conflicts(first: number, last: number, exclusive: boolean): boolean {
    return (exclusive || this.#exclusive) && first <= this.#last && this.#first <= last;
  }

  leave(): void {
    this.#forget();
    this.#left?.resolve();
  }
}
