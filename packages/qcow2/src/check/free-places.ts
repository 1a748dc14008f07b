import type { Survey } from "./survey.js";

/**
 * Finds clusters for new tables in an image whose refcounts are broken: those that nothing refers to, by what was
 * counted and by the refcounts as they are, and that the present refcount table and its blocks do not take. Nor are
 * they where a broken entry points behind the end of the file, which would become valid when the file grows.
 */
export class FreePlaces {
  readonly #survey: Survey;
  readonly #avoided = new Set<number>();
  #next = 1;
  /** The clusters that have been taken. */
  readonly taken: Set<number> = new Set();

  constructor(survey: Survey) {
    this.#survey = survey;
    const { header, geometry, stored } = survey;
    const { clusterSize } = geometry;
    const table = Math.floor(header.refcountTableOffset / clusterSize);
    for (let cluster = table; cluster < table + header.refcountTableClusters; cluster++) this.#avoided.add(cluster);
    for (let index = 0; index < stored.tableEntries; index++) {
      const offset = stored.blockOffset(index);
      if (offset !== undefined && offset !== 0) this.#avoided.add(offset / clusterSize);
    }
  }

  /** Takes so many clusters in a row, and returns the first. */
  async take(count: number): Promise<number> {
    let first = this.#next;
    for (let at = first; at < first + count; at++) if (!(await this.#isFree(at))) first = at + 1;
    for (let cluster = first; cluster < first + count; cluster++) this.taken.add(cluster);
    if (count === 1 || first === this.#next) this.#next = first + count;
    return first;
  }

  async #isFree(cluster: number): Promise<boolean> {
    const { counts, stored, references } = this.#survey;
    if (counts.get(cluster) > 0 || this.taken.has(cluster) || this.#avoided.has(cluster)) return false;
    if (references.outside.has(cluster)) return false;
    return (stored.recent(cluster) ?? (await stored.get(cluster))) === 0 || cluster >= this.#survey.endOfFile;
  }
}
