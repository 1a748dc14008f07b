/** A deliberate bug: in a copy of the package, `find` (which must be there exactly once) is replaced. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** The bugs that the checker must catch. */
export const mutants: readonly Mutant[] = [
  {
    name: "drop the dirty victim",
    file: "residents.ts",
    find: "return (this.#options.dropUnsynced ?? false) && entry.stored === entry.version && !entry.storing;",
    replace: "return true;",
  },
  {
    name: "forget an edge when its dependency fails",
    file: "flush-node.ts",
    find: "    await this.syncFirst(other);\n    if (this.#edges.get(other) === moment)",
    replace:
      "    this.#edges.delete(other);\n    await this.syncFirst(other);\n    if (this.#edges.get(other) === moment)",
  },
  {
    name: "look at direct edges only for cycles",
    file: "flush-node.ts",
    find: "other.#reaches(this)) return",
    replace: "other === this || other.#edges.has(this)) return",
  },
  {
    name: "flush a dependency without a sync",
    file: "flush-node.ts",
    find: "await other.sync();",
    replace: "await other.flush();",
  },
  {
    name: "hide an entry while it is written back",
    file: "cache.ts",
    find: "if (slot === undefined) return undefined;",
    replace: "if (slot === undefined || this.#dirty.get(slot)?.storing) return undefined;",
  },
  {
    name: "take for stored what was modified during the store",
    file: "dirty-entries.ts",
    find: "entry.stored = version;",
    replace: "entry.stored = entry.version;",
  },
  {
    name: "evict what is pinned",
    file: "entries.ts",
    find: "return stamp === FREE || this.#uses[2 * slot + 1] !== 0 ? Infinity : stamp;",
    replace: "return stamp === FREE ? Infinity : stamp;",
  },
  {
    name: "count a second release",
    file: "entries.ts",
    find: "    this.#slot = -1;\n    this.#entries.unpin(slot);",
    replace: "    if (this.#entries.isPinned(slot)) this.#entries.unpin(slot);",
  },
  {
    name: "evict the entry used last",
    file: "lru-order.ts",
    find: "if (!ascending) this.#line.subarray(0, count).sort();",
    replace: "this.#line.subarray(0, count).sort().reverse();",
  },
  {
    name: "do not count a hit as a use",
    file: "entries.ts",
    find: "    this.#uses[2 * slot] = ++this.#clock;\n    if (this.#uses",
    replace: "    if (this.#uses",
  },
  {
    name: "load once for each who waits",
    file: "loads.ts",
    find: "if (running) return running.join(signal);",
    replace: "",
  },
  {
    name: "let one abort end the load of all",
    file: "shared-load.ts",
    find: "if (waiters.size === 0 && this.#begun) this.#giveUp",
    replace: "if (this.#begun) this.#giveUp",
  },
  {
    name: "take in what a load brings that was given up",
    file: "loads.ts",
    find: "if (!load.abandoned) this.#succeed(load, loaded);",
    replace: "this.#succeed(load, loaded);",
  },
  {
    name: "leave those waiting whose load has failed",
    file: "shared-load.ts",
    find: "waiter.reject(reason);",
    replace: "waiter;",
  },
  {
    name: "keep the place of a load that has ended",
    file: "loads.ts",
    find: "    if (load.reserved) this.#room.unreserve();\n",
    replace: "",
  },
  {
    name: "keep entries clean when their sync fails",
    file: "dirty-entries.ts",
    find: "for (const entry of this.#unsynced) entry.stored = entry.durable;",
    replace: "for (const entry of this.#unsynced) this.#settle(entry, entry.stored);",
  },
  {
    name: "trust a store that a failed sync came across",
    file: "write-back.ts",
    find: "if (failedSyncs !== this.#dirty.failedSyncs) return;",
    replace: "",
  },
  {
    name: "trust a sync that another one undid",
    file: "flushes.ts",
    find: "} while (failedSyncs !== this.#dirty.failedSyncs);",
    replace: "} while (failedSyncs < 0);",
  },
  {
    name: "let stores of one key overlap",
    file: "write-back.ts",
    find: "if (needed(entry) && !entry.storing) return",
    replace: "if (needed(entry)) return",
  },
  {
    name: "let syncs overlap",
    file: "sync-group.ts",
    find: "if (this.#current === undefined) return",
    replace: "if (this.#covered !== this.#written()) return",
  },
  {
    name: "start any number of stores",
    file: "write-back.ts",
    find: "new Semaphore(options.maxWriteBacks ?? 16)",
    replace: "new Semaphore(1000)",
  },
  {
    name: "let edges in while stores are started",
    file: "flush-node.ts",
    find: "if (this.#issuing > 0 || other.#reaches(this))",
    replace: "if (other.#reaches(this))",
  },
  {
    name: "make no edge to what is stored and not synced",
    file: "dirty-entries.ts",
    find: "return this.#bySlot.size > 0 || this.#dropped > 0;",
    replace: "return this.toStore().length > 0;",
  },
  {
    name: "replace what somebody holds",
    file: "cache.ts",
    find: "if (this.#entries.isPinned(slot)) {",
    replace: "if (this.#entries.idle < 0) {",
  },
  {
    name: "invalidate what somebody holds",
    file: "cache.ts",
    find: "if (this.#entries.isPinned(slot)) pinned.push(key);",
    replace: "if (this.#entries.idle < 0) pinned.push(key);",
  },
  {
    name: "invalidate in the middle of a store",
    file: "cache.ts",
    find: "return this.#loads.settled(key) ?? (slot === undefined ? undefined : this.#dirty.get(slot)?.storing);",
    replace: "return this.#loads.settled(key);",
  },
  {
    name: "stop a flush at the first store that fails",
    file: "flushes.ts",
    find: "if (left.length > 0) throw",
    replace: "if (left.length > 1) throw",
  },
  {
    name: "exceed the limit without shrinking afterwards",
    file: "residents.ts",
    find: "if (this.entries.overfull) tooMany();",
    replace: "",
  },
  {
    name: "give each who waits a lease that is not counted",
    file: "loads.ts",
    find: "load.succeed(() => this.#residents.entries.pin(slot));",
    replace: "const lease = this.#residents.entries.pin(slot);\n    load.succeed(() => lease);",
  },
];
