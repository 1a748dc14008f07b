import type { Block } from "./block.js";

/** The blocks whose last version is not in storage, for whoever must know which: the cache core tells only how many. */
export class DirtyBlocks {
  readonly #blocks = new Map<number, Block>();

  /** The block in place `index` has been modified, if storage has not got it in the meantime. */
  add(index: number, block: Block): void {
    if (block.stored < block.version) this.#blocks.set(index, block);
  }

  /** A version of a block has reached storage. */
  stored(index: number, block: Block, version: number): void {
    block.stored = version;
    if (version === block.version && this.#blocks.get(index) === block) this.#blocks.delete(index);
  }

  /** The block has left the cache. */
  drop(index: number): void {
    this.#blocks.delete(index);
  }

  /** The dirty blocks from `first` to `last`, in ascending order. */
  within(first: number, last: number): [index: number, block: Block][] {
    if (last - first >= this.#blocks.size) {
      const found = Array.from(this.#blocks).filter(([index]) => index >= first && index <= last);
      return found.toSorted(([a], [b]) => a - b);
    }
    const found: [index: number, block: Block][] = [];
    for (let index = first; index <= last; index++) {
      const block = this.#blocks.get(index);
      if (block) found.push([index, block]);
    }
    return found;
  }
}
