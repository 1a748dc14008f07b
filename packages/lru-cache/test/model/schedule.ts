import { CacheModel, type Ground, type Held, type Library } from "./cache-model.ts";
import type { Choices } from "./choices.ts";
import { ChosenPending, type Pending } from "./pending.ts";
import { Injected } from "./storage.ts";

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

const KEYS = 5;
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
  readonly #aborts: AbortController[] = [];
  readonly #actions: (() => void)[];
  #time = 0;
  /** Operations that have not settled. */
  #open = 0;

  constructor({ library, choices, pending, note }: ScheduleOptions) {
    this.choices = choices;
    this.pending = pending ?? new ChosenPending(choices);
    this.#note = note;
    const count = 1 + choices.pick(4);
    this.#models = Array.from({ length: count }, (_, index) => new CacheModel(library, this, `c${index}`, KEYS));
    const often = (times: number, action: () => void) => Array.from({ length: times }, () => action);
    this.#actions = [
      ...often(6, () => this.#acquire()),
      ...often(3, () => this.#hit()),
      ...often(5, () => this.#modify()),
      ...often(6, () => this.#release()),
      ...often(2, () => this.#insert()),
      ...often(3, () => this.#link()),
      ...often(2, () => void this.#dependsOn(this.#model(), this.#model())),
      ...often(2, () => this.#flush()),
      ...often(2, () => this.#sync(this.#model())),
      ...often(1, () => this.#invalidate()),
      ...often(1, () => this.#setLimit()),
      ...often(1, () => this.#dropIdle()),
      ...often(1, () => this.#abort()),
    ];
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
      else this.#actions[this.choices.pick(this.#actions.length)]?.();
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
    if (this.#open > 0) this.violate("no deadlock", `${this.#open} operations wait though all I/O has ended`);
    for (const model of this.#models) this.#sync(model);
    await this.#settle();
    if (this.#open > 0) this.violate("no deadlock", "a sync waits though all I/O has ended");
    for (const model of this.#models) if (!this.violation) model.checkAtRest();
    for (const model of this.#models) if (!this.violation) await this.#fill(model);
  }

  /** A cache at rest takes as many entries as its limit says, no more and no less. */
  async #fill(model: CacheModel): Promise<void> {
    const wanted = Math.min(model.cache.limit, KEYS);
    for (let key = 0; key < wanted; key++) {
      if (model.cache.has(key)) model.hit(key);
      this.#pin(
        model,
        key,
        () => model.cache.acquire(key),
        (held) => this.#drop(model, held),
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

  #model(): CacheModel {
    const model = this.#models[this.choices.pick(this.#models.length)];
    if (!model) throw new Error("no caches");
    return model;
  }

  #held(): { model: CacheModel; held: Held; index: number } | undefined {
    const model = this.#model();
    if (model.held.length === 0) return undefined;
    const index = this.choices.pick(model.held.length);
    const held = model.held[index];
    return held && { model, held, index };
  }

  /** Follows an operation; `ended` is called when it has settled, whichever way. */
  #follow<T>(
    label: string,
    run: () => Promise<T>,
    succeeded: (value: T) => void,
    ended?: (error: unknown) => void,
  ): void {
    this.note(label);
    this.#open++;
    run().then(
      (value) => {
        this.#open--;
        this.note(`${label}: done`);
        succeeded(value);
        ended?.(undefined);
      },
      (error: unknown) => {
        this.#open--;
        this.note(`${label}: ${String(error)}`);
        ended?.(error);
        if (!isExpected(error)) this.violate("no failure without a cause", `${label}: ${String(error)}`);
      },
    );
  }

  /** Pins an entry, by whichever way. */
  #pin(model: CacheModel, key: number, run: () => Promise<Held["lease"]>, then: (held: Held) => void): void {
    model.asks(key);
    const got = (lease: Held["lease"]) => {
      model.gotLease(key, lease);
      const held = model.held.at(-1);
      if (held) then(held);
    };
    this.#follow(`${model.name}: pin ${key}`, run, got, () => model.askedFor(key));
  }

  #acquire(model: CacheModel = this.#model(), then: (held: Held) => void = () => {}): void {
    const key = this.choices.pick(KEYS);
    if (model.cache.has(key)) model.hit(key);
    else model.expected.misses++;
    if (this.choices.oneIn(4)) {
      const controller = new AbortController();
      this.#aborts.push(controller);
      this.#pin(model, key, () => model.cache.acquire(key, { signal: controller.signal }), then);
    } else {
      this.#pin(model, key, () => model.cache.acquire(key), then);
    }
  }

  #hit(): void {
    const model = this.#model();
    const key = this.choices.pick(KEYS);
    const resident = model.cache.has(key);
    const lease = model.cache.tryAcquire(key);
    this.note(`${model.name}: tryAcquire ${key}: ${lease ? "hit" : "nothing"}`);
    if (resident !== (lease !== undefined)) this.violate("a hit waits for nobody", `${key} was there and is not given`);
    if (!lease) return;
    model.hit(key);
    model.gotLease(key, lease);
  }

  #modify(): void {
    const found = this.#held();
    if (!found) return;
    found.model.modify(found.held);
    this.note(`${found.model.name}: modify ${found.held.key} to ${found.held.lease.value.version}`);
  }

  #release(): void {
    const found = this.#held();
    if (!found) return;
    this.note(`${found.model.name}: release ${found.held.key}`);
    found.model.held.splice(found.index, 1);
    found.held.lease.release();
    if (this.choices.oneIn(3)) found.held.lease.release();
  }

  #insert(): void {
    const model = this.#model();
    const key = this.choices.pick(KEYS);
    this.#pin(
      model,
      key,
      () => model.cache.insert(key, { version: -1, fresh: true }),
      () => {},
    );
  }

  /** The protocol: modify the dependency, declare it, then modify the dependent. */
  #link(): void {
    const [dependent, dependency] = [this.#model(), this.#model()];
    this.#acquire(dependency, (first) => {
      dependency.modify(first);
      this.#drop(dependency, first);
      this.#acquire(dependent, (second) => {
        const declared = this.#dependsOn(dependent, dependency);
        void declared.then((ok) => {
          if (ok && dependent.held.includes(second)) dependent.modify(second);
          this.#drop(dependent, second);
        });
      });
    });
  }

  #drop(model: CacheModel, held: Held): void {
    const index = model.held.indexOf(held);
    if (index === -1) return;
    this.note(`${model.name}: release ${held.key}`);
    model.held.splice(index, 1);
    held.lease.release();
  }

  async #dependsOn(dependent: CacheModel, dependency: CacheModel): Promise<boolean> {
    const pending = dependency.pendingNow();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#follow(
      `${dependent.name} depends on ${dependency.name}`,
      () => dependent.cache.dependsOn(dependency.cache),
      () => dependent.oblige(pending),
      (error) => resolve(error === undefined),
    );
    return promise;
  }

  #flush(): void {
    const model = this.#model();
    this.#follow(
      `${model.name}: flush`,
      () => model.cache.flush(),
      () => {},
    );
  }

  #sync(model: CacheModel): void {
    const pending = model.pendingNow();
    const done = () => {
      for (const { key } of pending.filter((one) => model.owes(one))) {
        this.violate("sync means durable", `${model.name}: ${key} is not durable after a sync`);
      }
    };
    this.#follow(`${model.name}: sync`, () => model.cache.sync(), done);
  }

  #invalidate(): void {
    const model = this.#model();
    const all = [...Array(KEYS).keys()];
    const keys = this.choices.oneIn(2) ? all : [this.choices.pick(KEYS), this.choices.pick(KEYS)];
    model.invalidationBegins(keys);
    this.#follow(
      `${model.name}: invalidate ${keys.join()}`,
      () => model.cache.invalidate(keys === all ? undefined : keys),
      () => {},
      () => model.invalidationEnded(keys),
    );
  }

  #setLimit(): void {
    const model = this.#model();
    const limit = 1 + this.choices.pick(4);
    model.limitChanges();
    this.#follow(
      `${model.name}: setLimit ${limit}`,
      () => model.cache.setLimit(limit),
      () => {},
    );
  }

  #dropIdle(): void {
    const model = this.#model();
    model.dropping++;
    this.#follow(
      `${model.name}: dropIdle`,
      () => model.cache.dropIdle(),
      () => {},
      () => void model.dropping--,
    );
  }

  #abort(): void {
    const controller = this.#aborts.splice(this.choices.pick(Math.max(1, this.#aborts.length)), 1)[0];
    if (!controller) return;
    this.note("abort");
    controller.abort(new Aborted());
  }
}

class Aborted extends Error {}

/** Whether something was injected that explains an error. */
function isExpected(error: unknown): boolean {
  if (error instanceof Injected || error instanceof Aborted) return true;
  if (!(error instanceof Error)) return false;
  if ("code" in error && (error.code === "ERR_ALL_PINNED" || error.code === "ERR_PINNED")) return true;
  if (error instanceof AggregateError) return error.errors.every(isExpected);
  return isExpected(error.cause);
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
