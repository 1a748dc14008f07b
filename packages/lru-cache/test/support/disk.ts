import type { EntryIo } from "../../src/index.js";

/** A value that its holders modify in place. */
export interface Cell {
  text: string;
}

/** One call of the entry I/O that has not ended. */
export interface Operation {
  readonly kind: "load" | "store" | "sync";
  readonly keys: readonly string[];
  readonly succeed: () => void;
  readonly fail: (error: Error) => void;
}

/**
 * Storage in memory that knows what is durable, keeps a log, and can be told to hang or to fail. A store reaches the
 * storage when it succeeds, and is durable when a sync that began afterwards has succeeded.
 */
export class Disk {
  readonly name: string;
  /** What has happened, in order: `a: store x=1`, `a: stored x`, `a: sync`, `a: synced`. Disks can share one. */
  readonly log: string[];
  readonly stored: Map<string, string> = new Map();
  readonly durable: Map<string, string> = new Map();
  /** What hangs until told. */
  readonly waiting: Operation[] = [];
  readonly #held = new Set<string>();
  readonly #failing = new Map<string, Error>();

  constructor(name: string, log: string[] = []) {
    this.name = name;
    this.log = log;
  }

  /** From now on operations of a kind, or on one key (`store x`), hang until told. */
  hold(...what: string[]): void {
    for (const one of what) this.#held.add(one);
  }

  /** They do not hang any more; those that do are let go. */
  letGo(...what: string[]): void {
    for (const one of what) this.#held.delete(one);
    for (const operation of this.waiting.filter(({ kind, keys }) => !this.#matches(this.#held, kind, keys))) {
      operation.succeed();
    }
  }

  /** From now on operations of a kind, or on one key, fail; without an error they do not any more. */
  fail(what: string, error?: Error): void {
    if (error) this.#failing.set(what, error);
    else this.#failing.delete(what);
  }

  /** The operation of a kind, and on a key where one is named, that hangs. */
  hanging(kind: Operation["kind"], key?: string): Operation {
    const found = this.waiting.find((one) => one.kind === kind && (key === undefined || one.keys.includes(key)));
    if (!found) throw new Error(`no ${kind} ${key ?? ""} hangs; ${this.waiting.length} others do`);
    return found;
  }

  readonly io: Required<EntryIo<string, Cell>> = {
    load: (key) => this.#operate("load", [key], `load ${key}`, () => ({ text: this.stored.get(key) ?? "" })),
    store: (key, value) => this.#store([[key, value]]),
    storeMany: (entries) => this.#store(entries),
    sync: () => {
      const covered = [...this.stored];
      return this.#operate("sync", [], "sync", () => {
        for (const [key, text] of covered) this.durable.set(key, text);
      });
    },
  };

  #store(entries: readonly (readonly [key: string, value: Cell])[]): Promise<void> {
    const written = entries.map(([key, { text }]) => [key, text] as const);
    const keys = entries.map(([key]) => key);
    return this.#operate("store", keys, `store ${written.map((pair) => pair.join("=")).join(" ")}`, () => {
      for (const [key, text] of written) this.stored.set(key, text);
      this.log.push(`${this.name}: stored ${keys.join(" ")}`);
    });
  }

  #operate<T>(kind: Operation["kind"], keys: string[], entry: string, effect: () => T): Promise<T> {
    this.log.push(`${this.name}: ${entry}`);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const end = (settle: () => void) => {
      this.waiting.splice(this.waiting.indexOf(operation), 1);
      settle();
    };
    const operation: Operation = {
      kind,
      keys,
      succeed: () => end(() => (resolve(effect()), kind === "sync" && this.log.push(`${this.name}: synced`))),
      fail: (error) => end(() => (reject(error), this.log.push(`${this.name}: ${kind} failed`))),
    };
    this.waiting.push(operation);
    const failure = [...this.#failing].find(([what]) => this.#matches(new Set([what]), kind, keys));
    if (failure) operation.fail(failure[1]);
    else if (!this.#matches(this.#held, kind, keys)) operation.succeed();
    return promise;
  }

  #matches(set: ReadonlySet<string>, kind: string, keys: readonly string[]): boolean {
    return set.has(kind) || keys.some((key) => set.has(`${kind} ${key}`));
  }
}
