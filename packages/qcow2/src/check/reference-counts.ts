import { ruleError } from "../errors.js";

/** Clusters that a page counts. */
const PAGE = 65536;

/**
 * How often each host cluster is referred to. Pages come into being where something is counted, a byte per cluster;
 * where that does not suffice, the page is widened.
 */
export class ReferenceCounts {
  readonly #pages = new Map<number, Uint8Array | Float64Array>();
  readonly #max: number;
  readonly #limit: number;
  #bytes = 0;
  /** The page that was used last: references come in runs. */
  #last: { readonly number: number; readonly page: Uint8Array | Float64Array } | undefined;
  /** One more than the last cluster that is referred to. */
  end = 0;

  /**
   * @param max where counting stops: the largest refcount that the image can store
   * @param limit most bytes of memory for all pages
   */
  constructor(max: number, limit: number) {
    this.#max = max;
    this.#limit = limit;
  }

  get(cluster: number): number {
    return this.#page(Math.floor(cluster / PAGE))?.[cluster % PAGE] ?? 0;
  }

  /**
   * Counts one more reference. Returns `false` where the image has no room for so many.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` when the memory limit does not suffice
   */
  add(cluster: number): boolean {
    const number = Math.floor(cluster / PAGE);
    const index = cluster % PAGE;
    let page = this.#page(number) ?? this.#newPage(number, new Uint8Array(PAGE));
    const count = page[index] ?? 0;
    if (count >= this.#max) return false;
    if (count === 255 && page instanceof Uint8Array) page = this.#newPage(number, Float64Array.from(page));
    page[index] = count + 1;
    this.end = Math.max(this.end, cluster + 1);
    return true;
  }

  /** The clusters of a range in which something may be counted, in ascending order, as ranges. */
  *counted(begin: number, end: number): Generator<{ readonly begin: number; readonly end: number }> {
    const last = Math.floor((end - 1) / PAGE);
    for (let page = Math.floor(begin / PAGE); page <= last; page++) {
      if (!this.#pages.has(page)) continue;
      yield { begin: Math.max(begin, page * PAGE), end: Math.min(end, (page + 1) * PAGE) };
    }
  }

  /** The clusters that are referred to, page by page, in no order of the pages. */
  *used(): Generator<number> {
    for (const [number, page] of this.#pages) {
      for (let index = 0; index < PAGE; index++) if (page[index] !== 0) yield number * PAGE + index;
    }
  }

  #page(number: number): Uint8Array | Float64Array | undefined {
    if (this.#last?.number === number) return this.#last.page;
    const page = this.#pages.get(number);
    this.#last = page && { number, page };
    return page;
  }

  #newPage(number: number, page: Uint8Array | Float64Array): Uint8Array | Float64Array {
    this.#bytes += page.byteLength;
    if (this.#bytes > this.#limit) {
      const rule = "enough for a byte per host cluster in use";
      throw ruleError("ERR_INVALID_OPTION", "check", "memoryLimit", this.#limit, rule);
    }
    this.#pages.set(number, page);
    this.#last = { number, page };
    return page;
  }
}
