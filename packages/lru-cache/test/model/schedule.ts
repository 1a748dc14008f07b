import { CacheModel, type Ground, type Library } from "./cache-model.ts";
import type { Choices } from "./choices.ts";
import { KEYS, Operations } from "./operations.ts";
import { ChosenPending, type Pending } from "./pending.ts";

/** What a schedule is made of. */
export interface ScheduleOptions {
  readonly library: Library;
  readonly choices: Choices;
  /** Whether there should be another step. */
  readonly more: (step: number) => boolean;
  readonly pending?: Pending;
  /** Is told all that happens. */
  readonly note?: (line: string) => void;
}

/** A rule that did not hold. */
export interface Violation {
  readonly rule: string;
  readonly detail: string;
}

/** More turns of the microtask queue than most chains of promises here take. */
const QUIET = 60;

/** Plays a schedule: random operations on caches that depend on each other, over I/O that hangs, fails and ends. */
export async function playSchedule(options: ScheduleOptions): Promise<Violation | undefined> {
  const schedule = new Schedule(options);
  await schedule.play(options.more);
  if (!schedule.violation) await schedule.rest();
  return schedule.violation;
}

class Schedule implements Ground {
  readonly choices: Choices;
  readonly pending: Pending;
  violation: Violation | undefined;
  readonly #note: ((line: string) => void) | undefined;
  readonly #models: CacheModel[];
  readonly #operations: Operations;
  #time = 0;

  constructor({ library, choices, pending, note }: ScheduleOptions) {
    this.choices = choices;
    this.pending = pending ?? new ChosenPending(choices);
    this.#note = note;
    const count = 1 + choices.pick(4);
    this.#models = Array.from({ length: count }, (_, index) => new CacheModel(library, this, `c${index}`, KEYS));
    this.#operations = new Operations(this, this.#models);
  }

  tick(): number {
    return ++this.#time;
  }

  violate(rule: string, detail: string): void {
    this.violation ??= { rule, detail };
    this.note(`VIOLATION of "${rule}": ${detail}`);
  }

  edgeAdded(): void {
    const edges = new Map(this.#models.map(({ name, cache }) => [name, cache.dependencies] as const));
    for (const start of edges.keys()) {
      const reached = new Set(edges.get(start));
      for (const name of reached) for (const next of edges.get(name) ?? []) reached.add(next);
      if (reached.has(start)) this.violate("no cycles", `${start} depends on itself`);
    }
  }

  note(line: string): void {
    this.#note?.(line);
  }

  async play(more: (step: number) => boolean): Promise<void> {
    for (let step = 0; more(step) && !this.violation; step++) {
      if (this.pending.count > 0 && this.choices.oneIn(3)) await this.pending.settleOne();
      else this.#operations.beginOne();
      await turns(this.choices.oneIn(4) ? QUIET : this.choices.pick(4));
      this.#check();
    }
  }

  /** Lets everything come to its end, and looks at what is left. */
  async rest(): Promise<void> {
    for (const { storage } of this.#models) storage.reliable = true;
    await this.#settle();
    const holding = this.#models.filter(({ held }) => held.length > 0);
    for (const { held } of holding) while (held.length > 0) held.pop()?.lease.release();
    await this.#settle();
    for (const { name, cache } of holding) {
      if (cache.size > cache.limit) this.violate("bounded", `${name} has not shrunk though all leases have ended`);
    }
    if (this.#operations.open > 0)
      this.violate("no deadlock", `${this.#operations.open} operations wait though all I/O has ended`);
    for (const model of this.#models) this.#operations.sync(model);
    await this.#settle();
    if (this.#operations.open > 0) this.violate("no deadlock", "a sync waits though all I/O has ended");
    for (const model of this.#models) if (!this.violation) model.checkAtRest();
    for (const model of this.#models) if (!this.violation) await this.#fill(model);
  }

  /** A cache at rest takes as many entries as its limit says, no more and no less. */
  async #fill(model: CacheModel): Promise<void> {
    const wanted = Math.min(model.cache.limit, KEYS);
    for (let key = 0; key < wanted; key++) {
      if (model.cache.has(key)) model.hit(key);
      this.#operations.pin(
        model,
        key,
        () => model.cache.acquire(key),
        (held) => this.#operations.drop(model, held),
      );
      await this.#settle();
    }
    if (model.cache.size === wanted || this.violation) return;
    this.violate("bounded", `${model.name}: ${model.cache.size} entries, though there is room for ${wanted}`);
  }

  async #settle(): Promise<void> {
    for (let left = 10_000; left > 0 && !this.violation; left--) {
      if (this.pending.count === 0) await allTurns();
      else await turns(QUIET);
      this.#check();
      if (this.pending.count === 0) return;
      await this.pending.settleOne();
    }
    if (!this.violation) this.violate("no deadlock", "there is no end to the I/O");
  }

  #check(): void {
    for (const model of this.#models) model.check();
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** As many as there are. */
function allTurns(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
