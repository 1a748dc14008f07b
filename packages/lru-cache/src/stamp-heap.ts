/** Numbers, the smallest of which is at hand: a binary heap. */
export class StampHeap {
  #items: number[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The smallest; `undefined` when there is none. */
  get first(): number | undefined {
    return this.#items[0];
  }

  /** All of them, the smallest first, the others in no particular order. */
  values(): Iterable<number> {
    return this.#items;
  }

  clear(): void {
    this.#items.length = 0;
  }

  push(item: number): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] ?? 0;
      if (above <= item) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  /** Removes the smallest. */
  pop(): void {
    const items = this.#items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if ((items[child + 1] ?? Infinity) < (items[child] ?? Infinity)) child++;
      const below = items[child] ?? Infinity;
      if (below >= last) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
  }

  /** Keeps those that pass. */
  retain(keep: (item: number) => boolean): void {
    // A sorted array is a heap.
    this.#items = this.#items.filter(keep).sort((a, b) => a - b);
  }
}
