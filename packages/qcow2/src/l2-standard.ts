import type { EntryProblem, L2Codec } from "./l2-codec.js";
import {
  decodeCompressed,
  hostOffsetProblem,
  hasHostOffset,
  isCompressed,
  isReservedClear,
  UNCOMPRESSED,
  writeDescriptor,
} from "./l2-descriptor.js";
import type { L2Entry } from "./l2-entry.js";
import { entryText, HIGH, isCopied, offsetOf } from "./table-entry.js";

/** Bit 0 of an entry, in the low half. */
const ZERO_LOW = 1;

/** L2 entries of eight bytes, whose clusters have no subclusters. Specification: "L2 table entry". */
export class StandardEntries implements L2Codec {
  readonly entrySize: number = 8;
  readonly all: number = 1;
  readonly #clusterBits: number;
  readonly #external: boolean;
  readonly #clusterSize: number;
  readonly #version: number;

  constructor(clusterBits: number, version: number, external: boolean) {
    this.#clusterBits = clusterBits;
    this.#external = external;
    this.#clusterSize = 2 ** clusterBits;
    this.#version = version;
  }

  /** In version 2 bit 0 is reserved; there {@link problem} refuses it and this tells a zero cluster all the same. */
  decode(view: DataView, position: number): L2Entry {
    const high = view.getUint32(position);
    const low = view.getUint32(position + 4);
    if (isCompressed(high)) return decodeCompressed(high, low, this.#clusterBits);
    const hostOffset = offsetOf(high, low);
    const zero = low & ZERO_LOW;
    const stored = zero === 0 && hasHostOffset(high, low, this.#external) ? 1 : 0;
    return { compressed: false, copied: isCopied(high), hostOffset, compressedLength: 0, stored, zero };
  }

  write(view: DataView, position: number, entry: L2Entry): void {
    writeDescriptor(view, position, entry, this.#clusterBits);
    if (entry.zero !== 0) view.setUint8(position + 7, view.getUint8(position + 7) | ZERO_LOW);
  }

  isEmpty(view: DataView, position: number): boolean {
    return view.getUint32(position + 4) === 0 && view.getUint32(position) === 0;
  }

  countAlike(view: DataView, position: number, _first: number, most: number): number {
    let high = view.getUint32(position);
    let low = view.getUint32(position + 4);
    const step = hasHostOffset(high, low, this.#external) ? this.#clusterSize : 0;
    let count = 1;
    for (let at = position + 8; count < most; at += 8) {
      low += step;
      if (low >= HIGH) {
        low -= HIGH;
        high++;
      }
      if (view.getUint32(at + 4) !== low || view.getUint32(at) !== high) break;
      count++;
    }
    return count;
  }

  problem(view: DataView, position: number, fileSize: number): EntryProblem | undefined {
    const high = view.getUint32(position);
    const low = view.getUint32(position + 4);
    const rule = this.#contentRule(high, low) ?? hostOffsetProblem(high, low, this.#clusterBits, fileSize);
    return rule === undefined ? undefined : { part: "L2 entry", value: entryText(high, low), rule };
  }

  contentProblem(view: DataView, position: number): EntryProblem | undefined {
    const high = view.getUint32(position);
    const low = view.getUint32(position + 4);
    const rule = this.#contentRule(high, low);
    return rule === undefined ? undefined : { part: "L2 entry", value: entryText(high, low), rule };
  }

  #contentRule(high: number, low: number): string | undefined {
    if (isCompressed(high)) return this.#external ? UNCOMPRESSED : undefined;
    if (!isReservedClear(high, low)) return "have its reserved bits (1 to 8, 56 to 61) clear";
    if (this.#version < 3 && (low & ZERO_LOW) !== 0) return "have bit 0 clear, being in a version 2 image";
    return undefined;
  }
}
