import type { Backend } from "./contract.js";
import { BackendError } from "./errors.js";
import { MemoryBackend, type MemoryBackendOptions } from "./memory-backend.js";
import { MemoryPages } from "./memory-pages.js";
import type { BackendPlugin, OpenOptions } from "./registry.js";

/** A named store: its bytes, and who has it open. */
interface Store {
  pages: MemoryPages;
  readers: number;
  written: boolean;
}

/** A memory backend that gives its lock back when it is closed. */
class LockedMemoryBackend extends MemoryBackend {
  readonly #release: () => void;

  constructor(options: MemoryBackendOptions, release: () => void) {
    super(options);
    this.#release = release;
  }

  protected override async doClose(): Promise<void> {
    this.#release();
  }
}

/**
 * A plugin for `memory:NAME`. What was created under a name lives as long as the plugin value, and outlives `close`;
 * two plugin values share nothing. One writer or many readers have a name open at a time (`ERR_LOCKED`).
 */
export function memoryPlugin(): BackendPlugin {
  const stores = new Map<string, Store>();
  return {
    name: "memory",
    schemes: ["memory"],
    async open(location: string, options: OpenOptions = {}): Promise<Backend> {
      options.signal?.throwIfAborted();
      const name = `memory:${location.replace(/^memory:(\/\/)?/i, "")}`;
      const { write = false, create = "never", lock = true } = options;
      if (create !== "never" && !write) throw new BackendError("ERR_READ_ONLY", `${name}: creating it needs write`);
      if (write && !lock) throw new BackendError("ERR_UNSUPPORTED", `${name}: a writer must lock`);
      const known = stores.get(name);
      if (!known && create === "never") throw new BackendError("ERR_NOT_FOUND", `${name}: nothing has this name`);
      if (known && create === "new") throw new BackendError("ERR_EXISTS", `${name}: something has this name already`);
      if (known && lock && (known.written || (write && known.readers > 0))) {
        throw new BackendError("ERR_LOCKED", `${name}: is open for ${known.written ? "writing" : "reading"} elsewhere`);
      }
      const store = known ?? { pages: new MemoryPages(), readers: 0, written: false };
      stores.set(name, store);
      if (create === "replace") store.pages.resize(0);
      const { pages } = store;
      if (write) {
        store.written = true;
        return new LockedMemoryBackend({ name, pages }, () => (store.written = false));
      }
      if (!lock) return new MemoryBackend({ name, pages, readOnly: true });
      store.readers++;
      return new LockedMemoryBackend({ name, pages, readOnly: true }, () => store.readers--);
    },
  };
}
