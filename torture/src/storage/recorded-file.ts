import { BaseBackend, type Capabilities, type Extent } from "@instar/backend";

import { demand } from "../finding.ts";
import { BytesInMemory } from "./bytes-in-memory.ts";
import type { Change, Log } from "./log.ts";
import type { Outage } from "./outage.ts";
import type { Turns } from "./turns.ts";

const NONE = new Uint8Array(0);

/** What a recorded file can do beyond reading, writing and being resized. */
export interface Abilities {
  readonly writeZeroes: boolean;
  readonly discard: boolean;
}

/** What a recorded file has to put up with. */
export interface Conditions {
  readonly outage?: Outage;
  /** Whether changes of the same bytes may be under way at once, because guests do not mind. */
  readonly overlaps?: boolean;
}

/** A file in memory whose requests wait for their turn, and which remembers every change. */
export class RecordedFile extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #number: number;
  readonly #log: Log;
  readonly #turns: Turns;
  readonly #outage: Outage | undefined;
  readonly #overlaps: boolean;
  readonly #content = new BytesInMemory();
  /** Changes under way. */
  readonly #running = new Set<Change>();

  constructor(number: number, log: Log, turns: Turns, abilities: Abilities, conditions: Conditions = {}) {
    super();
    this.name = `file ${number}`;
    this.#number = number;
    this.#log = log;
    this.#turns = turns;
    this.#outage = conditions.outage;
    this.#overlaps = conditions.overlaps ?? false;
    const always = { write: true, grow: true, truncate: true, allocate: false, extents: true, durable: true };
    this.capabilities = { ...always, ...abilities };
  }

  get size(): number {
    return this.#content.size;
  }

  protected async doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const stroke = this.#outage?.strike("read", target.byteLength);
    await this.#turns.next();
    signal?.throwIfAborted();
    if (stroke) throw stroke.error;
    demand(offset + target.byteLength <= this.size, () => `${this.name} shrank under a read at ${offset}`);
    this.#content.read(target, offset);
  }

  protected override doWrite(source: Uint8Array, offset: number): Promise<void> {
    const bytes = source.slice();
    return this.#change("write", offset, bytes.byteLength, bytes, (done) =>
      this.#content.write(bytes.subarray(0, done), offset),
    );
  }

  protected override doTruncate(size: number): Promise<void> {
    return this.#change("truncate", size, 0, NONE, () => this.#content.resize(size));
  }

  protected override doWriteZeroes(offset: number, length: number): Promise<void> {
    return this.#change("zero", offset, length, NONE, (done) => this.#content.zero(offset, done));
  }

  protected override doDiscard(offset: number, length: number): Promise<void> {
    return this.doWriteZeroes(offset, length);
  }

  protected override async doSync(): Promise<void> {
    const stroke = this.#outage?.strike("sync", 0);
    if (stroke) {
      await this.#turns.next();
      throw stroke.error;
    }
    await this.#logged("sync", 0, 0, NONE, () => {});
  }

  protected override async *doExtents(offset: number, length: number): AsyncGenerator<Extent> {
    await this.#turns.next();
    yield { offset, length, kind: "data" };
  }

  /** A change, of which the beginning is all that happens where it fails. */
  async #change(
    kind: "write" | "zero" | "truncate",
    offset: number,
    length: number,
    bytes: Uint8Array,
    apply: (length: number) => void,
  ): Promise<void> {
    const stroke = this.#outage?.strike(kind, length);
    const done = stroke?.done ?? length;
    if (kind !== "truncate" && done === 0) await this.#turns.next();
    else if (kind !== "truncate" || !stroke)
      await this.#logged(kind, offset, done, bytes.subarray(0, done), () => apply(done));
    if (stroke) throw stroke.error;
  }

  async #logged(
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

  /** The bytes, as whoever opens the file anew sees them. */
  get bytes(): Uint8Array {
    return this.#content.view;
  }

  /** Nobody may leave the order of two changes of the same bytes to storage. */
  #refuseOverlap(kind: string, offset: number, length: number): void {
    if (length === 0 || this.#overlaps) return;
    for (const other of this.#running) {
      const overlaps = other.offset < offset + length && offset < other.offset + other.length;
      demand(!overlaps, () => {
        const first = `${other.kind} of ${other.length} at ${other.offset}`;
        return `${this.name}: ${kind} of ${length} at ${offset} begins while a ${first} is under way`;
      });
    }
  }
}
