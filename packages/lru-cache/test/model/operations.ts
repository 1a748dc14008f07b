import type { CacheModel, Ground, Held } from "./cache-model.ts";
import { Injected } from "./storage.ts";

/** How many keys there are. */
export const KEYS = 5;

/** What is done to the caches of a schedule. */
export class Operations {
  /** How many have not settled. */
  open = 0;
  readonly #ground: Ground;
  readonly #models: readonly CacheModel[];
  readonly #aborts: AbortController[] = [];
  readonly #all: (() => void)[];

  constructor(ground: Ground, models: readonly CacheModel[]) {
    this.#ground = ground;
    this.#models = models;
    const often = (times: number, action: () => void) => Array.from({ length: times }, () => action);
    this.#all = [
      ...often(6, () => this.#acquire()),
      ...often(3, () => this.#hit()),
      ...often(5, () => this.#modify()),
      ...often(6, () => this.#release()),
      ...often(2, () => this.#insert()),
      ...often(3, () => this.#link()),
      ...often(2, () => void this.#dependsOn(this.#model(), this.#model())),
      ...often(2, () => this.#flush()),
      ...often(2, () => this.sync(this.#model())),
      ...often(1, () => this.#invalidate()),
      ...often(1, () => this.#setLimit()),
      ...often(1, () => this.#dropIdle()),
      ...often(1, () => this.#abort()),
    ];
  }

  /** Begins one, whichever. */
  beginOne(): void {
    this.#all[this.#ground.choices.pick(this.#all.length)]?.();
  }

  #model(): CacheModel {
    const model = this.#models[this.#ground.choices.pick(this.#models.length)];
    if (!model) throw new Error("no caches");
    return model;
  }

  #held(): { model: CacheModel; held: Held; index: number } | undefined {
    const model = this.#model();
    if (model.held.length === 0) return undefined;
    const index = this.#ground.choices.pick(model.held.length);
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
    this.#ground.note(label);
    this.open++;
    run().then(
      (value) => {
        this.open--;
        this.#ground.note(`${label}: done`);
        succeeded(value);
        ended?.(undefined);
      },
      (error: unknown) => {
        this.open--;
        this.#ground.note(`${label}: ${String(error)}`);
        ended?.(error);
        if (!isExpected(error)) this.#ground.violate("no failure without a cause", `${label}: ${String(error)}`);
      },
    );
  }

  /** Pins an entry, by whichever way. */
  pin(model: CacheModel, key: number, run: () => Promise<Held["lease"]>, then: (held: Held) => void): void {
    model.asks(key);
    const got = (lease: Held["lease"]) => {
      model.gotLease(key, lease);
      const held = model.held.at(-1);
      if (held) then(held);
    };
    this.#follow(`${model.name}: pin ${key}`, run, got, () => model.askedFor(key));
  }

  #acquire(model: CacheModel = this.#model(), then: (held: Held) => void = () => {}): void {
    const key = this.#ground.choices.pick(KEYS);
    if (model.cache.has(key)) model.hit(key);
    else model.expected.misses++;
    if (this.#ground.choices.oneIn(4)) {
      const controller = new AbortController();
      this.#aborts.push(controller);
      this.pin(model, key, () => model.cache.acquire(key, { signal: controller.signal }), then);
    } else {
      this.pin(model, key, () => model.cache.acquire(key), then);
    }
  }

  #hit(): void {
    const model = this.#model();
    const key = this.#ground.choices.pick(KEYS);
    const resident = model.cache.has(key);
    const lease = model.cache.tryAcquire(key);
    this.#ground.note(`${model.name}: tryAcquire ${key}: ${lease ? "hit" : "nothing"}`);
    if (resident !== (lease !== undefined))
      this.#ground.violate("a hit waits for nobody", `${key} was there and is not given`);
    if (!lease) return;
    model.hit(key);
    model.gotLease(key, lease);
  }

  #modify(): void {
    const found = this.#held();
    if (!found) return;
    found.model.modify(found.held);
    this.#ground.note(`${found.model.name}: modify ${found.held.key} to ${found.held.lease.value.version}`);
  }

  #release(): void {
    const found = this.#held();
    if (!found) return;
    this.#ground.note(`${found.model.name}: release ${found.held.key}`);
    found.model.held.splice(found.index, 1);
    found.held.lease.release();
    if (this.#ground.choices.oneIn(3)) found.held.lease.release();
  }

  #insert(): void {
    const model = this.#model();
    const key = this.#ground.choices.pick(KEYS);
    this.pin(
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
      this.drop(dependency, first);
      this.#acquire(dependent, (second) => {
        const declared = this.#dependsOn(dependent, dependency);
        void declared.then((ok) => {
          if (ok && dependent.held.includes(second)) dependent.modify(second);
          this.drop(dependent, second);
        });
      });
    });
  }

  drop(model: CacheModel, held: Held): void {
    const index = model.held.indexOf(held);
    if (index === -1) return;
    this.#ground.note(`${model.name}: release ${held.key}`);
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

  sync(model: CacheModel): void {
    const pending = model.pendingNow();
    const done = () => {
      for (const { key } of pending.filter((one) => model.owes(one))) {
        this.#ground.violate("sync means durable", `${model.name}: ${key} is not durable after a sync`);
      }
    };
    this.#follow(`${model.name}: sync`, () => model.cache.sync(), done);
  }

  #invalidate(): void {
    const model = this.#model();
    const all = [...Array(KEYS).keys()];
    const keys = this.#ground.choices.oneIn(2)
      ? all
      : [this.#ground.choices.pick(KEYS), this.#ground.choices.pick(KEYS)];
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
    const limit = 1 + this.#ground.choices.pick(4);
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
    const controller = this.#aborts.splice(this.#ground.choices.pick(Math.max(1, this.#aborts.length)), 1)[0];
    if (!controller) return;
    this.#ground.note("abort");
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
