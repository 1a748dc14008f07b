import type { Engine } from "./engine.js";
import { surfaced } from "./surface.js";

/** How an image is changed: what has to be done before the first change, and who waits for whom. */
export class Changes {
  readonly #engine: Engine;
  readonly #within: (operation: string, offset: number, length: number) => void;
  #prepared: boolean;
  #preparing: Promise<void> | undefined;

  /** @param within refuses a range that goes past the end of the disk, which may move while a request waits */
  constructor(engine: Engine, within: (operation: string, offset: number, length: number) => void) {
    this.#engine = engine;
    this.#within = within;
    this.#prepared = engine.header.isPrepared;
  }

  /** Changes a range piece by piece; between two pieces, host clusters that were let go can be released. */
  async range(
    operation: string,
    begin: number,
    end: number,
    change: (begin: number, end: number) => Promise<number>,
  ): Promise<void> {
    const its = this.#engine;
    const { flights } = its;
    its.metadata.requireSound();
    try {
      for (let at = begin; at < end;) {
        const flight = flights.tryEnter() ?? (await flights.enter());
        try {
          if (!this.#prepared) await this.prepare();
          this.#within(operation, at, end - at);
          if (!its.metadata.isKnown) await its.metadata.learn();
          its.bitmaps.record(at, end);
          at = await change(at, end);
        } finally {
          flights.leave(flight);
        }
        if (its.frees.crowded) await its.durability.sync();
        if (its.bitmaps.crowded) await flights.alone(() => its.bitmaps.store());
      }
    } catch (error) {
      throw await this.failed(error);
    }
  }

  /** Runs `work` while no request is under way. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#engine.flights.alone(work);
    } catch (error) {
      throw await this.failed(error);
    }
  }

  /** Makes the file say that somebody writes: which bitmaps are in use, and which autoclear features are not kept. */
  async prepare(): Promise<void> {
    const { bitmaps, header, metadata } = this.#engine;
    metadata.requireSound();
    if (!metadata.isKnown) await metadata.learn();
    if (this.#prepared) return;
    this.#preparing ??= bitmaps
      .begin()
      .then((kept) => header.clearAutoclear(kept))
      .finally(() => (this.#preparing = undefined));
    try {
      await this.#preparing;
    } catch (error) {
      throw await this.failed(error);
    }
    this.#prepared = true;
  }

  /** Makes the next change prepare again. */
  restart(): void {
    this.#prepared = false;
  }

  /** Leaves nothing in memory that the file lacks; a change after that begins anew. */
  finish(): Promise<void> {
    return this.alone(async () => {
      await this.#engine.durability.writeOut();
      this.restart();
      await this.#engine.bitmaps.end();
    });
  }

  /** The error to show for a failure; what has been found corrupt is marked so first. */
  async failed(error: unknown): Promise<unknown> {
    await this.#engine.metadata.mark();
    return surfaced(error, this.#engine.file.name);
  }
}
