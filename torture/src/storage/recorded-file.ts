import { BaseBackend, type Capabilities, type Extent } from "@instar/backend";

import { demand } from "../finding.ts";
import { BytesInMemory } from "./bytes-in-memory.ts";
import type { Change, Log } from "./log.ts";
import type { Turns } from "./turns.ts";

const NONE = new Uint8Array(0);

/** What a recorded file can do beyond reading, writing and being resized. */
export interface Abilities {
  readonly writeZeroes: boolean;
  readonly discard: boolean;
}

/** A file in memory whose requests wait for their turn, and which remembers every change. */
export class RecordedFile extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #number: number;
  readonly #log: Log;
  readonly #turns: Turns;
  readonly #content = new BytesInMemory();
  /** Changes under way. */
  readonly #running = new Set<Change>();

  constructor(number: number, log: Log, turns: Turns, abilities: Abilities) {
    super();
    this.name = `file ${number}`;
    this.#number = number;
    this.#log = log;
    this.#turns = turns;
    this.capabilities = { write: true, grow: true, truncate: true, extents: true, durable: true, ...abilities };
  }

  get size(): number {
    return this.#content.size;
  }

  protected async doRead(target: Uint8Array, offset: number): Promise<void> {
    await this.#turns.next();
    demand(offset + target.byteLength <= this.size, () => `${this.name} shrank under a read at ${offset}`);
    this.#content.read(target, offset);
  }

  protected override doWrite(source: Uint8Array, offset: number): Promise<void> {
    const bytes = source.slice();
    return this.#change("write", offset, bytes.byteLength, bytes, () => this.#content.write(bytes, offset));
  }

  protected override doTruncate(size: number): Promise<void> {
    return this.#change("truncate", size, 0, NONE, () => this.#content.resize(size));
  }

  protected override doWriteZeroes(offset: number, length: number): Promise<void> {
    return this.#change("zero", offset, length, NONE, () => this.#content.zero(offset, length));
  }

  protected override doDiscard(offset: number, length: number): Promise<void> {
    return this.doWriteZeroes(offset, length);
  }

  protected override doSync(): Promise<void> {
    return this.#change("sync", 0, 0, NONE, () => {});
  }

  protected override async *doExtents(offset: number, length: number): AsyncGenerator<Extent> {
    await this.#turns.next();
    yield { offset, length, kind: "data" };
  }

  async #change(
    kind: Change["kind"],
    offset: number,
    length: number,
    bytes: Uint8Array,
    apply: () => void,
  ): Promise<void> {
    this.#refuseOverlap(kind, offset, length);
    const change = this.#log.begin({ file: this.#number, kind, offset, length, bytes });
    this.#running.add(change);
    await this.#turns.next();
    apply();
    await this.#turns.next();
    this.#running.delete(change);
    this.#log.end(change);
  }

  /** Nobody may leave the order of two changes of the same bytes to storage. */
  #refuseOverlap(kind: string, offset: number, length: number): void {
    if (length === 0) return;
    for (const other of this.#running) {
      const overlaps = other.offset < offset + length && offset < other.offset + other.length;
      demand(!overlaps, () => {
        const first = `${other.kind} of ${other.length} at ${other.offset}`;
        return `${this.name}: ${kind} of ${length} at ${offset} begins while a ${first} is under way`;
      });
    }
  }
}
