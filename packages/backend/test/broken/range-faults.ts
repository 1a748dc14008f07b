import type { CallOptions, Extent } from "../../src/index.js";
import { Delegate } from "./delegate.js";
import { BLOCK, type Fault } from "./fault.js";

const zeroes = "writeZeroes > zeroes the whole range and nothing beside it";
const discards = "discard > leaves old content or zeroes, and nothing beside the range changes";
const cover = "extents > cover exactly the range, ascending, without gaps or overlaps";

/** Extents that `change` has made wrong. */
class WrongExtents extends Delegate {
  protected change(extents: Extent[]): Extent[] {
    return extents;
  }

  override async *extents(offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent> {
    const found: Extent[] = [];
    // Cut at the blocks, so that there are several.
    for await (const { kind, ...extent } of super.extents(offset, length, options)) {
      for (let at = extent.offset; at < extent.offset + extent.length;) {
        const end = Math.min(extent.offset + extent.length, at - (at % BLOCK) + BLOCK);
        found.push({ offset: at, length: end - at, kind });
        at = end;
      }
    }
    yield* this.change(found);
  }
}

export const rangeFaults: readonly Fault[] = [
  {
    fault: "truncate only moves the end, and the bytes behind it stay",
    rule: "truncate > down and up again never brings old bytes back",
    wrap: (inner) =>
      new (class extends Delegate {
        #end: number | undefined;

        override get size(): number {
          return this.#end ?? this.inner.size;
        }

        override async truncate(size: number, options?: CallOptions): Promise<void> {
          await super.truncate(Math.max(size, this.inner.size), options);
          this.#end = size;
        }
      })(inner),
  },
  {
    fault: "truncate does nothing where it would have to grow",
    rule: "truncate > up adds zeroes",
    wrap: (inner) =>
      new (class extends Delegate {
        override async truncate(size: number, options?: CallOptions): Promise<void> {
          await super.truncate(Number.isSafeInteger(size) ? Math.min(size, this.size) : size, options);
        }
      })(inner),
  },
  {
    fault: "writeZeroes zeroes to the end of the block",
    rule: zeroes,
    wrap: (inner) =>
      new (class extends Delegate {
        override async writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void> {
          const end = Math.ceil((offset + length) / BLOCK) * BLOCK;
          const longer = this.sound(offset, length) && length > 0 ? Math.min(end, this.size) - offset : length;
          await super.writeZeroes(offset, longer, options);
        }
      })(inner),
  },
  {
    fault: "writeZeroes zeroes whole blocks only",
    rule: zeroes,
    wrap: (inner) =>
      new (class extends Delegate {
        override async writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void> {
          if (!this.sound(offset, length)) return super.writeZeroes(offset, length, options);
          const first = Math.ceil(offset / BLOCK) * BLOCK;
          const end = Math.floor((offset + length) / BLOCK) * BLOCK;
          await super.writeZeroes(Math.min(first, this.size), Math.max(0, end - first), options);
        }
      })(inner),
  },
  {
    fault: "writeZeroes does nothing and says nothing, where the manifest lacks it",
    rule: "manifest > lacks writeZeroes, which rejects with ERR_UNSUPPORTED and changes nothing",
    manifest: { writeZeroes: false },
    wrap: (inner, manifest) =>
      new (class extends Delegate {
        override async writeZeroes(): Promise<void> {}
      })(inner, manifest),
  },
  {
    fault: "discard takes whole blocks, and with them its neighbours",
    rule: discards,
    wrap: (inner) =>
      new (class extends Delegate {
        override async discard(offset: number, length: number, options?: CallOptions): Promise<void> {
          if (!this.sound(offset, length) || length === 0) return super.discard(offset, length, options);
          const first = offset - (offset % BLOCK);
          const end = Math.min(this.size, Math.ceil((offset + length) / BLOCK) * BLOCK);
          await super.discard(first, end - first, options);
        }
      })(inner),
  },
  {
    fault: "what was discarded reads as something else",
    rule: discards,
    wrap: (inner) =>
      new (class extends Delegate {
        override async discard(offset: number, length: number, options?: CallOptions): Promise<void> {
          await super.discard(offset, length, options);
          await this.inner.write(new Uint8Array(length).fill(0xdd), offset);
        }
      })(inner),
  },
  {
    fault: "a discard is put off, and takes what was written meanwhile",
    rule: "discard > does not touch what is written afterwards",
    wrap: (inner) =>
      new (class extends Delegate {
        readonly #later: [offset: number, length: number][] = [];

        override async discard(offset: number, length: number, options?: CallOptions): Promise<void> {
          await super.discard(offset, length, options);
          this.#later.push([offset, length]);
        }

        override async sync(options?: CallOptions): Promise<void> {
          for (const [offset, length] of this.#later.splice(0)) await this.inner.discard(offset, length);
          await super.sync(options);
        }
      })(inner),
  },
  {
    fault: "extents leave one out",
    rule: cover,
    wrap: (inner) =>
      new (class extends WrongExtents {
        override change(extents: Extent[]): Extent[] {
          return extents.length > 2 ? extents.toSpliced(1, 1) : extents;
        }
      })(inner),
  },
  {
    fault: "extents overlap",
    rule: cover,
    wrap: (inner) =>
      new (class extends WrongExtents {
        override change(extents: Extent[]): Extent[] {
          const last = extents.length - 1;
          return extents.map((extent, at) => (at < last ? { ...extent, length: extent.length + 1 } : extent));
        }
      })(inner),
  },
  {
    fault: "extents are of whole blocks, and go beyond the range",
    rule: cover,
    wrap: (inner) =>
      new (class extends WrongExtents {
        override change(extents: Extent[]): Extent[] {
          return extents.map(({ offset, kind }) => ({ offset, length: BLOCK - (offset % BLOCK), kind }));
        }
      })(inner),
  },
  {
    fault: "extents come in descending order",
    rule: cover,
    wrap: (inner) =>
      new (class extends WrongExtents {
        override change(extents: Extent[]): Extent[] {
          return extents.toReversed();
        }
      })(inner),
  },
  {
    fault: "there is an extent of no bytes",
    rule: "extents > of nothing are none",
    wrap: (inner) =>
      new (class extends Delegate {
        override async *extents(offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent> {
          yield* super.extents(offset, length, options);
          if (length === 0) yield { offset, length, kind: "hole" };
        }
      })(inner),
  },
  {
    fault: "extents of more than there is end at the end",
    rule: "extents > outside the size reject with ERR_RANGE",
    wrap: (inner) =>
      new (class extends Delegate {
        override async *extents(offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent> {
          yield* super.extents(offset, Math.min(length, Math.max(0, this.size - offset)), options);
        }
      })(inner),
  },
  {
    fault: "extents call data a hole",
    rule: "extents > call zero or hole only what reads as zeroes",
    wrap: (inner) =>
      new (class extends WrongExtents {
        override change(extents: Extent[]): Extent[] {
          return extents.map((extent, at) => (at % 2 === 1 ? { ...extent, kind: "hole" } : extent));
        }
      })(inner),
  },
  {
    fault: "extents go on calling a zero what has been written over",
    rule: "extents > follow what is written, zeroed, discarded and resized",
    wrap: (inner) =>
      new (class extends WrongExtents {
        #zero = false;

        override async writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void> {
          await super.writeZeroes(offset, length, options);
          this.#zero ||= offset <= BLOCK && offset + length >= 2 * BLOCK;
        }

        override change(extents: Extent[]): Extent[] {
          if (!this.#zero) return extents;
          return extents.map((extent) => (extent.offset === BLOCK ? { ...extent, kind: "zero" } : extent));
        }
      })(inner),
  },
];
