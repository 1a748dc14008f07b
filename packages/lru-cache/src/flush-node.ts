import { CacheError } from "./errors.js";

/**
 * Something that must reach storage in an order: a cache, or what is written past every cache.
 *
 * The nodes and what they depend on form a graph that never has a cycle. An edge says: nothing of this node is written
 * before what the other one had pending, at a moment of its own clock, is durable. An edge goes when that is so, and in
 * no other way.
 */
export abstract class FlushNode {
  readonly #edges = new Map<FlushNode, number>();
  /** How many flushes are past the last look at the edges, or take it now. */
  #issuing = 0;

  /** For errors and events. */
  abstract readonly name: string;
  /** Whether anything is dirty, or stored but not durable yet. */
  abstract readonly pending: boolean;
  /** Makes durable everything that is pending at the call, what it depends on first. */
  abstract sync(): Promise<void>;
  /** When something became pending last, by this node's own clock. */
  protected abstract readonly moment: number;
  /** Whether all that had become pending by a moment is durable. */
  protected abstract isDurable(moment: number): boolean;
  /** Told of every new edge, and of every node that was made durable for the sake of this one. */
  protected abstract edgeChanged(change: "depend" | "satisfy", other: FlushNode): void;

  /**
   * After this resolves, nothing of this node is written before everything that `other` had pending at the call has
   * been written and synced. Whoever modifies entries that depend on each other calls it in the middle: modify the
   * dependency, `await dependent.dependsOn(dependency)`, then modify the dependent with no further `await` between.
   *
   * Costs nothing where `other` has nothing pending. Where the edge would close a cycle (through any number of nodes,
   * or because both are the same), or this node is being written just now, `other` is synced at once and no edge is
   * needed.
   *
   * @throws `CacheError` `ERR_DEPENDENCY` when that sync fails; then there is no new edge, and nothing is lost.
   */
  async dependsOn(other: FlushNode): Promise<void> {
    if (!other.pending) return;
    if (this.#issuing > 0 || other.#reaches(this)) return this.syncFirst(other);
    this.#edges.set(other, other.moment);
    this.edgeChanged("depend", other);
  }

  /** The names of the nodes that this one depends on, as things stand. */
  get dependencies(): readonly string[] {
    this.#dropSatisfied();
    return Array.from(this.#edges.keys(), (node) => node.name);
  }

  /**
   * Calls `issue`, which starts stores of this node, at a time when all it depends on is durable, and lets no new edge
   * in until `issue` has settled. Without that, an edge that comes between two stores would hold back the first of them
   * only, and a steady stream of edges could keep a flush from ever beginning.
   */
  protected async afterDependencies(issue: () => Promise<void>): Promise<void> {
    if (this.#edges.size > 0) await this.#satisfy();
    this.#issuing++;
    try {
      while (this.#edges.size > 0) await this.#satisfy();
      await issue();
    } finally {
      this.#issuing--;
    }
  }

  /** Makes durable what this node has to come after. */
  protected async syncFirst(other: FlushNode): Promise<void> {
    try {
      await other.sync();
    } catch (cause) {
      const message = `${this.name}: ${other.name}, which must be durable first, could not be synced`;
      throw new CacheError("ERR_DEPENDENCY", message, { cause });
    }
    this.edgeChanged("satisfy", other);
  }

  async #satisfy(): Promise<void> {
    this.#dropSatisfied();
    const results = await Promise.allSettled(Array.from(this.#edges, (edge) => this.#satisfyOne(...edge)));
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) {
      const cause = new AggregateError(failures);
      throw new CacheError("ERR_DEPENDENCY", `${this.name}: several dependencies failed`, { cause });
    }
  }

  async #satisfyOne(other: FlushNode, moment: number): Promise<void> {
    await this.syncFirst(other);
    if (this.#edges.get(other) === moment) this.#edges.delete(other);
  }

  #dropSatisfied(): void {
    for (const [node, moment] of this.#edges) {
      if (node.isDurable(moment)) this.#edges.delete(node);
    }
  }

  /** Whether a path of unsatisfied edges leads to `target`. */
  #reaches(target: FlushNode): boolean {
    const seen = new Set<FlushNode>([this]);
    for (const node of seen) {
      if (node === target) return true;
      node.#dropSatisfied();
      for (const next of node.#edges.keys()) seen.add(next);
    }
    return false;
  }
}
