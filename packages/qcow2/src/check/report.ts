/** Something that a check found. */
export interface CheckProblem {
  /**
   * - `corruption`: data may be lost by using the image;
   * - `leak`: space that nothing uses, harmless;
   * - `error`: the check could not look at something.
   */
  readonly kind: "corruption" | "leak" | "error";
  readonly message: string;
}

/** How many problems a repair has put right. */
export interface FixedProblems {
  readonly corruptions: number;
  readonly leaks: number;
}

/** What a check found; the numbers are those of `qemu-img check`. */
export interface CheckReport {
  readonly corruptions: number;
  readonly leaks: number;
  /** What could not be looked at. */
  readonly checkErrors: number;
  /** End of the last host cluster in use, in bytes. */
  readonly imageEndOffset: number;
  /** Guest clusters. */
  readonly totalClusters: number;
  /** Guest clusters with a host cluster, compressed ones included. */
  readonly allocatedClusters: number;
  /** Guest clusters that do not follow the one before them in the file; compressed ones always count. */
  readonly fragmentedClusters: number;
  readonly compressedClusters: number;
  /** What a repair has put right: as many as `qemu-img check -r` counts. Nothing where only a check was asked for. */
  readonly fixed: FixedProblems;
  /** The first of the problems, as many as the option allows. The counts above count all. */
  readonly problems: readonly CheckProblem[];
}

/** Counts problems and keeps the first messages. */
export class ReportBuilder {
  corruptions = 0;
  leaks = 0;
  checkErrors = 0;
  allocatedClusters = 0;
  fragmentedClusters = 0;
  compressedClusters = 0;
  /** COPIED flags that contradict refcounts; they count as corruptions, too. */
  wrongFlags = 0;
  /** Entries of zero clusters whose host cluster lies where none can. */
  misplacedZeroes = 0;
  /** The last host cluster in use. */
  highestCluster = 0;
  readonly #problems: CheckProblem[] = [];
  readonly #keep: number;

  /** @param keep how many messages to keep */
  constructor(keep: number) {
    this.#keep = keep;
  }

  /** The message is made only where it is kept. */
  corruption(message: () => string): void {
    this.corruptions++;
    this.#note("corruption", message);
  }

  leak(message: () => string): void {
    this.leaks++;
    this.#note("leak", message);
  }

  /** @param count how many clusters or tables it keeps from being looked at */
  error(message: () => string, count = 1): void {
    this.checkErrors += count;
    this.#note("error", message);
  }

  #note(kind: CheckProblem["kind"], message: () => string): void {
    if (this.#problems.length < this.#keep) this.#problems.push({ kind, message: message() });
  }

  finish(clusterSize: number, totalClusters: number, fixed: FixedProblems): CheckReport {
    const { corruptions, leaks, checkErrors, allocatedClusters, fragmentedClusters, compressedClusters } = this;
    return {
      corruptions,
      leaks,
      checkErrors,
      imageEndOffset: (this.highestCluster + 1) * clusterSize,
      totalClusters,
      allocatedClusters,
      fragmentedClusters,
      compressedClusters,
      fixed,
      problems: this.#problems,
    };
  }
}
