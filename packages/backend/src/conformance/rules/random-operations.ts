import type { Backend } from "../../contract.js";
import { expectBytes, fail } from "../assert.js";
import { expectContents, type Kit, readRange, type Trial, withBackend } from "../kit.js";
import { pattern, Random } from "../random.js";
import type { Range } from "../ranges.js";
import { expectDiscarded } from "./discard.js";
import { expectTruth } from "./extents.js";

/** Operations that a manifest may lack. */
const OPTIONAL = ["extents", "truncate", "writeZeroes", "discard", "allocate", "grow"] as const;

/** A backend and the plain array it must behave like. */
class Model {
  readonly #random: Random;
  readonly #kit: Kit;
  #bytes: Uint8Array;

  constructor(kit: Kit, contents: Uint8Array) {
    this.#random = new Random(kit.seed);
    this.#kit = kit;
    this.#bytes = contents;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Does one random operation to both, and compares. `log` is told which before it begins. */
  async step(backend: Backend, log: (what: string) => void): Promise<void> {
    const { capabilities } = this.#kit;
    const operations: ("read" | "write" | "sync" | (typeof OPTIONAL)[number])[] = ["read"];
    for (const flag of OPTIONAL) {
      if (capabilities[flag]) operations.push(flag);
    }
    if (capabilities.write) operations.push("write", "write", "write", "sync");
    const operation = this.#random.pick(operations) ?? "read";
    const { offset, length } = operation === "grow" ? this.#rangePastEnd() : this.#range();
    log(operation === "truncate" || operation === "sync" ? operation : `${operation} ${length} at ${offset}`);
    switch (operation) {
      case "read":
        expectBytes(await readRange(backend, offset, length), this.#bytes.subarray(offset, offset + length), "read");
        return;
      case "extents":
        return expectTruth(backend, offset, length);
      case "sync":
        return backend.sync();
      case "truncate":
        this.#resize(this.#kit.rounded(this.#random.below(this.#kit.size + 2 * this.#kit.block)));
        log(`to ${this.#bytes.length}`);
        return backend.truncate(this.#bytes.length);
      case "writeZeroes":
        this.#bytes.fill(0, offset, offset + length);
        return backend.writeZeroes(offset, length);
      case "discard":
        await backend.discard(offset, length);
        return this.#follow(backend, { offset, length });
      case "allocate":
        return backend.allocate(offset, length);
      case "grow":
      case "write": {
        const source = pattern(length, this.#random.bits());
        if (offset + length > this.#bytes.length) this.#resize(offset + length);
        this.#bytes.set(source, offset);
        return backend.write(source, offset);
      }
    }
  }

  /** After a discard: takes over which bytes have become 0. */
  async #follow(backend: Backend, range: Range): Promise<void> {
    const found = await readRange(backend, 0, this.#bytes.length);
    expectDiscarded(found, this.#bytes, range);
    this.#bytes = found;
  }

  #resize(size: number): void {
    const resized = new Uint8Array(size);
    resized.set(this.#bytes.subarray(0, size));
    this.#bytes = resized;
  }

  #range(): Range {
    const { block } = this.#kit;
    const size = this.#bytes.length;
    let offset = this.#random.below(size + 1);
    // Half of all ranges begin at a block boundary or right beside one.
    if (this.#random.below(2) === 0) offset = Math.round(offset / block) * block + this.#random.below(3) - 1;
    offset = Math.min(Math.max(offset, 0), size);
    const length = this.#random.below(this.#random.below(2) === 0 ? 2 * block + 2 : 32);
    return { offset, length: Math.min(length, size - offset) };
  }

  #rangePastEnd(): Range {
    const { block } = this.#kit;
    const size = this.#bytes.length;
    // A backend that has grown a lot already is written to at its end only, or else every step gets slower.
    if (size > 16 * block) return this.#range();
    const offset = size - Math.min(size, 5) + this.#random.below(2 * block);
    const end = this.#kit.rounded(Math.max(offset, size) + 1 + this.#random.below(block));
    return { offset, length: end - offset };
  }
}

/** A long random sequence of operations, against a plain array. */
export function randomRules(kit: Kit): void {
  const rule = "random operations do to the backend what they do to a plain array";
  kit.test(
    rule,
    async ({ backend, contents, subject, close }: Trial) => {
      const model = new Model(kit, contents);
      const recent: string[] = [];
      try {
        for (let step = 0; step < kit.steps; step++) {
          await model.step(backend, (what) => recent.push(`${step}: ${what}`));
          if (step % 16 === 15) await expectContents(backend, model.bytes, "contents");
        }
        await expectContents(backend, model.bytes, "contents at the end");
        if (kit.capabilities.write && subject.afterCrash) {
          await backend.sync();
          await withBackend(subject.afterCrash(), (found) => expectContents(found, model.bytes, "after a last sync"));
        }
        await close();
        if (!subject.reopen) return;
        await withBackend(subject.reopen({ write: false }), (found) => expectContents(found, model.bytes, "reopened"));
      } catch (error) {
        const steps = recent.slice(-20).join("; ");
        fail(
          `seed ${kit.seed} (pass it as options.seed to replay): ${String(error)}; the last steps were ${steps}`,
          error,
        );
      }
    },
    () => kit.sparseContents(),
  );
}
