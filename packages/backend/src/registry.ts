import type { Backend, CallOptions } from "./contract.js";
import { BackendError } from "./errors.js";

/** How to open a location. */
export interface OpenOptions extends CallOptions {
  /** Whether the backend can be written to. Defaults to `false`. */
  readonly write?: boolean;
  /**
   * - `never` (the default): what is missing is `ERR_NOT_FOUND`;
   * - `new`: makes it, `ERR_EXISTS` where something is already there;
   * - `replace`: makes it, or empties what is there.
   *
   * Anything but `never` needs `write`.
   */
  readonly create?: "never" | "new" | "replace";
  /**
   * Whether to respect and take the advisory lock against a second writer; defaults to `true`. A reader that passes
   * `false` opens in spite of a writer. A writer must lock.
   */
  readonly lock?: boolean;
}

/** Storage of one kind. A plugin is a value; whoever composes a program hands it to a {@link BackendRegistry}. */
export interface BackendPlugin {
  /** Its name, such as `fs`. */
  readonly name: string;
  /** URL schemes it serves, in lower case and without the colon. A scheme of `""` also serves plain paths. */
  readonly schemes: readonly string[];
  /** Opens `location` (a URL of one of its schemes, or a path). Begins no I/O before it is called. */
  open(location: string, options?: OpenOptions): Promise<Backend>;
}

/** Finds the plugin for a URL or path. Immutable: `with` makes a larger one. */
export class BackendRegistry {
  readonly #plugins: ReadonlyMap<string, BackendPlugin>;

  /** @throws {@link BackendError} `ERR_EXISTS` when two plugins claim one scheme. */
  constructor(plugins: Iterable<BackendPlugin> = []) {
    const byScheme = new Map<string, BackendPlugin>();
    for (const plugin of plugins) {
      for (const scheme of plugin.schemes) {
        const other = byScheme.get(scheme);
        if (other) {
          const message = `plugins ${other.name} and ${plugin.name} both serve the scheme "${scheme}"`;
          throw new BackendError("ERR_EXISTS", message);
        }
        byScheme.set(scheme, plugin);
      }
    }
    this.#plugins = byScheme;
  }

  /** A registry with one more plugin. */
  with(plugin: BackendPlugin): BackendRegistry {
    return new BackendRegistry([...new Set(this.#plugins.values()), plugin]);
  }

  /** The schemes that are served. */
  get schemes(): readonly string[] {
    return [...this.#plugins.keys()];
  }

  /**
   * The plugin for a location. What begins like a URL (`name://` or `name:` of a known scheme) goes to its scheme;
   * everything else is a path, also `C:\disk.img`: a scheme has two letters at least.
   *
   * @throws {@link BackendError} `ERR_UNSUPPORTED` when nobody serves the scheme.
   */
  resolve(location: string): BackendPlugin {
    const match = /^([a-z][a-z0-9+.-]+):(\/\/)?/i.exec(location);
    const scheme = match?.[1]?.toLowerCase() ?? "";
    const known = this.#plugins.get(scheme);
    if (known) return known;
    const path = this.#plugins.get("");
    if (path && !match?.[2]) return path;
    const served = this.schemes.map((name) => (name === "" ? "paths" : `${name}:`)).join(", ") || "nothing";
    const wanted = scheme === "" ? "paths" : `"${scheme}:"`;
    throw new BackendError("ERR_UNSUPPORTED", `no backend serves ${wanted} (served: ${served})`);
  }

  /** Opens a location with the plugin that serves it. */
  async open(location: string, options?: OpenOptions): Promise<Backend> {
    return this.resolve(location).open(location, options);
  }
}
