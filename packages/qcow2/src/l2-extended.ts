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
import { type L2Entry, lowestBit } from "./l2-entry.js";
import { entryText, isCopied, offsetOf } from "./table-entry.js";

/** Subclusters of a cluster. */
const SUBCLUSTERS = 32;

/**
 * L2 entries of 16 bytes: behind the eight of a standard one the subclusters that read as zeroes, and those that are
 * stored. Specification: "Extended L2 Entries".
 */
export class ExtendedEntries implements L2Codec {
  readonly entrySize: number = 16;
  readonly all: number = -1;
  readonly #clusterBits: number;
  readonly #external: boolean;
  readonly #clusterSize: number;

  constructor(clusterBits: number, external: boolean) {
    this.#clusterBits = clusterBits;
    this.#external = external;
    this.#clusterSize = 2 ** clusterBits;
  }

  decode(view: DataView, position: number): L2Entry {
    const high = view.getUint32(position);
    const low = view.getUint32(position + 4);
    if (isCompressed(high)) return decodeCompressed(high, low, this.#clusterBits);
    return {
      compressed: false,
      copied: isCopied(high),
      hostOffset: offsetOf(high, low),
      compressedLength: 0,
      stored: view.getInt32(position + 12),
      zero: view.getInt32(position + 8),
    };
  }

  write(view: DataView, position: number, entry: L2Entry): void {
    writeDescriptor(view, position, entry, this.#clusterBits);
    view.setInt32(position + 8, entry.zero);
    view.setInt32(position + 12, entry.stored);
  }

  isEmpty(view: DataView, position: number): boolean {
    for (let at = position; at < position + 16; at += 4) if (view.getUint32(at) !== 0) return false;
    return true;
  }

  countAlike(view: DataView, position: number, first: number, most: number): number {
    const { hostOffset, copied, stored, zero } = this.decode(view, position);
    const bit = 1 << first;
    const pick = (zero & bit) !== 0 ? ZERO : (stored & bit) !== 0 ? STORED : NEITHER;
    let count = leading(pick(zero, stored), first);
    if (first + count < SUBCLUSTERS) return Math.min(count, most);
    const step = hostOffset !== 0 || (this.#external && copied) ? this.#clusterSize : 0;
    let expected = hostOffset;
    for (let at = position + 16; count < most; at += 16) {
      expected += step;
      if (this.contentProblem(view, at) !== undefined) break;
      const next = this.decode(view, at);
      if (next.compressed || next.copied !== copied || next.hostOffset !== expected) break;
      const more = leading(pick(next.zero, next.stored), 0);
      count += more;
      if (more < SUBCLUSTERS) break;
    }
    return Math.min(count, most);
  }

  problem(view: DataView, position: number, fileSize: number): EntryProblem | undefined {
    const content = this.contentProblem(view, position);
    if (content) return content;
    const high = view.getUint32(position);
    const low = view.getUint32(position + 4);
    const rule = hostOffsetProblem(high, low, this.#clusterBits, fileSize);
    return rule === undefined ? undefined : { part: "L2 entry", value: entryText(high, low), rule };
  }

  contentProblem(view: DataView, position: number): EntryProblem | undefined {
    const high = view.getUint32(position);
    const low = view.getUint32(position + 4);
    const first = descriptorRule(high, low, this.#external);
    if (first !== undefined) return { part: "L2 entry", value: entryText(high, low), rule: first };
    const zero = view.getUint32(position + 8);
    const stored = view.getUint32(position + 12);
    const rule = bitmapRule(high, low, zero, stored, this.#external);
    return rule === undefined ? undefined : { part: "subcluster bitmap", value: entryText(zero, stored), rule };
  }
}

function descriptorRule(high: number, low: number, external: boolean): string | undefined {
  if (isCompressed(high)) return external ? UNCOMPRESSED : undefined;
  if (!isReservedClear(high, low)) return "have its reserved bits (1 to 8, 56 to 61) clear";
  return (low & 1) === 0 ? undefined : "have bit 0 clear, being extended";
}

function bitmapRule(high: number, low: number, zero: number, stored: number, external: boolean): string | undefined {
  if (isCompressed(high)) return zero === 0 && stored === 0 ? undefined : "be clear, its cluster being compressed";
  if ((zero & stored) !== 0) return "not call a subcluster both allocated (bits 0 to 31) and zero (bits 32 to 63)";
  if (stored !== 0 && !hasHostOffset(high, low, external))
    return "not call subclusters allocated (bits 0 to 31) without a host cluster";
  return undefined;
}

/** The subclusters of one kind out of an entry that breaks no rule. */
type Pick = (zero: number, stored: number) => number;
const ZERO: Pick = (zero) => zero;
const STORED: Pick = (_zero, stored) => stored;
const NEITHER: Pick = (zero, stored) => ~(zero | stored);

/** How many bits in a row are set from `first` on. */
function leading(mask: number, first: number): number {
  return Math.min(lowestBit(~(mask >> first)), SUBCLUSTERS - first);
}
