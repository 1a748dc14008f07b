/** How much has been examined, by kind. */
export class Tally {
  readonly counts: Record<string, number> = {};

  add(what: string, count: number): void {
    this.counts[what] = (this.counts[what] ?? 0) + count;
  }

  merge(other: Readonly<Record<string, number>>): void {
    for (const [what, count] of Object.entries(other)) this.add(what, count);
  }

  toString(): string {
    const words = Object.entries(this.counts).map(([what, count]) => `${count.toLocaleString("en")} ${what}`);
    return words.join(", ");
  }
}

/** A way to examine the packages, cut into jobs that know nothing of each other. */
export interface Part {
  readonly name: string;
  /** Does a job: the same for the same seed. Throws what it finds. */
  run(job: number, seed: number): Promise<Tally>;
}
