import { UsageError } from "../errors.js";
import { parseSize } from "../sizes.js";

/** What options say of one node: keys with dots are those of the nodes below it; `null` is JSON's. */
export type FlatOptions = ReadonlyMap<string, string | null>;

/** Takes the options of one node out one by one, so that what nobody has taken can be refused. */
export class NodeOptions {
  readonly #left: Map<string, string | null>;
  readonly #prefix: string;

  /** @param prefix what stands before the keys, for messages */
  constructor(options: FlatOptions, prefix = "") {
    this.#left = new Map(options);
    this.#prefix = prefix;
  }

  /** The value of an option. */
  take(key: string): string | undefined {
    const value = this.#left.get(key);
    if (value === null) throw new UsageError(`${this.#prefix}${key} must not be null`);
    this.#left.delete(key);
    return value;
  }

  /** The value of an option that must be there. */
  require(key: string): string {
    const value = this.take(key);
    if (value === undefined) throw new UsageError(`${this.#prefix}${key} is missing`);
    return value;
  }

  /** The value of an option that is a number of bytes. */
  takeSize(key: string): number | undefined {
    const value = this.take(key);
    return value === undefined ? undefined : parseSize(value, `${this.#prefix}${key}`);
  }

  /** The value of an option that is `on` or `off`. */
  takeSwitch(key: string): boolean | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    if (["on", "yes", "true", "y"].includes(value)) return true;
    if (["off", "no", "false", "n"].includes(value)) return false;
    throw new UsageError(`${this.#prefix}${key} '${value}': must be on or off`);
  }

  /** Whether an option is there, and `null`; takes it then. */
  takeNull(key: string): boolean {
    return this.#left.get(key) === null && this.#left.delete(key);
  }

  /**
   * The options of a node below, if there are any.
   *
   * @throws {@link UsageError} where the name of a node stands there: nodes have none here
   */
  below(key: string): NodeOptions | undefined {
    if (this.#left.has(key)) {
      const rule = `must be described by ${this.#prefix}${key}.driver and so on: nodes have no names here`;
      throw new UsageError(`${this.#prefix}${key} '${String(this.#left.get(key))}': ${rule}`);
    }
    const found = new Map<string, string | null>();
    for (const [name, value] of this.#left) {
      if (!name.startsWith(`${key}.`)) continue;
      found.set(name.slice(key.length + 1), value);
      this.#left.delete(name);
    }
    return found.size === 0 ? undefined : new NodeOptions(found, `${this.#prefix}${key}.`);
  }

  /** Takes options that make no difference here. */
  ignore(keys: readonly string[]): void {
    for (const key of keys) this.#left.delete(key);
  }

  /** Takes what is left. */
  takeRest(): Map<string, string> {
    const rest = new Map<string, string>();
    for (const key of this.#left.keys()) rest.set(key, this.take(key) ?? "");
    return rest;
  }

  /** @throws {@link UsageError} that names an option that nobody has taken */
  finish(driver: string): void {
    const [key] = this.#left.keys();
    if (key === undefined) return;
    throw new UsageError(`${this.#prefix}${key}: ${driver} has no such option, or it is not supported`);
  }
}
