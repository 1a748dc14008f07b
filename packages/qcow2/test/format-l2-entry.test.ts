import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  type ClusterKind,
  clusterKind,
  decodeL2Entry,
  type L2Entry,
  l2EntryProblem,
  writeL2Entry,
} from "../src/l2-entry.js";
import { l1EntryProblem, readOffset, refcountTableEntryProblem, writeOffset } from "../src/table-entry.js";
import { replay } from "./format-support.js";

const clusterBits = fc.integer({ min: 9, max: 21 });
const LARGE = 2 ** 53;

function halves(entry: bigint): [number, number] {
  return [Number(entry >> 32n), Number(entry & 0xffffffffn)];
}

function written(entry: L2Entry, bits: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  writeL2Entry(view, 0, entry, bits);
  return view.getBigUint64(0);
}

describe("an L2 entry", () => {
  it("of a standard cluster comes back as it was written", () => {
    const kinds = fc.constantFrom<ClusterKind>("normal", "zero-allocated");
    fc.assert(
      fc.property(
        clusterBits,
        kinds,
        fc.boolean(),
        fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        (bits, kind, copied, n) => {
          const entry = { kind, copied, hostOffset: n * 2 ** bits, compressedLength: 0 };
          const [high, low] = halves(written(entry, bits));
          expect(decodeL2Entry(high, low, bits)).toEqual(entry);
          expect(l2EntryProblem(high, low, { version: 3, clusterBits: bits }, LARGE)).toBeUndefined();
        },
      ),
      replay,
    );
  });

  it("of a compressed cluster tells the same bytes, rounded up to sectors", () => {
    const lengths = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(clusterBits, fc.maxSafeNat(), lengths, (bits, place, fraction) => {
        const hostOffset = place % 2 ** Math.min(53, 62 - (bits - 8));
        const most = 2 ** bits - (hostOffset % 512);
        const compressedLength = 1 + Math.floor(fraction * (most - 1));
        const entry: L2Entry = { kind: "compressed", copied: false, hostOffset, compressedLength };
        const [high, low] = halves(written(entry, bits));
        const decoded = decodeL2Entry(high, low, bits);
        expect(decoded).toMatchObject({ kind: "compressed", copied: false, hostOffset });
        expect(decoded.compressedLength).toBeGreaterThanOrEqual(compressedLength);
        expect(decoded.compressedLength).toBeLessThan(compressedLength + 512);
        expect((hostOffset + decoded.compressedLength) % 512).toBe(0);
      }),
      replay,
    );
  });

  it("is what arithmetic on 64-bit numbers says, whatever its bits are", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), clusterBits, (entry, bits) => {
        const [high, low] = halves(entry);
        const decoded = decodeL2Entry(high, low, bits);
        expect(decoded.copied).toBe(entry >> 63n === 1n);
        if ((entry >> 62n) & 1n) {
          const x = BigInt(62 - (bits - 8));
          const offset = entry & ((1n << x) - 1n);
          const sectors = (entry & ((1n << 62n) - 1n)) >> x;
          expect(decoded.hostOffset).toBe(Number(offset));
          expect(decoded.compressedLength).toBe(Number((sectors + 1n) * 512n - (offset & 511n)));
        } else {
          const offset = entry & 0x00fffffffffffe00n;
          expect(decoded.hostOffset).toBe(Number(offset));
          expect(BigInt(decoded.hostOffset)).toBe(offset);
          const zero = (entry & 1n) === 1n;
          expect(decoded.kind).toBe(zero ? (offset ? "zero-allocated" : "zero") : offset ? "normal" : "unallocated");
          const fine = l2EntryProblem(high, low, { version: 3, clusterBits: bits }, LARGE) === undefined;
          const reserved = entry & 0x3f000000000001fen;
          const inside = offset < BigInt(LARGE) && offset % (1n << BigInt(bits)) === 0n;
          expect(fine).toBe(reserved === 0n && inside);
        }
        expect(decoded.kind).toBe(clusterKind(high, low));
      }),
      { ...replay, numRuns: 1000 },
    );
  });

  it.each<[string, bigint, number]>([
    ["a reserved bit below", 0x8000_0000_0005_0002n, 3],
    ["a reserved bit above", 0x8100_0000_0005_0000n, 3],
    ["the zero flag in version 2", 0x8000_0000_0005_0001n, 2],
    ["an offset that is not aligned", 0x8000_0000_0005_0200n, 3],
    ["an offset behind the end", 0x8000_0000_0010_0000n, 3],
    ["an offset far behind the end", 0x80ff_ffff_ffff_0000n, 3],
    ["compressed data behind the end", 0x4000_0000_0010_0000n, 3],
  ])("with %s breaks a rule", (_, entry, version) => {
    const [high, low] = halves(entry);
    expect(l2EntryProblem(high, low, { version, clusterBits: 16 }, 0x10_0000)).toBeTypeOf("string");
  });

  it("refuses compressed data that its descriptor has no room for", () => {
    const entry: L2Entry = { kind: "compressed", copied: false, hostOffset: 512, compressedLength: 1025 };
    expect(() => written(entry, 9)).toThrow(RangeError);
    expect(() => written({ ...entry, compressedLength: 0 }, 9)).toThrow(RangeError);
  });
});

describe("an entry of another table", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 47 - 1 }), fc.boolean(), (sector, copied) => {
        const view = new DataView(new ArrayBuffer(8));
        writeOffset(view, 0, sector * 512, copied);
        expect(readOffset(view, 0)).toBe(sector * 512);
        expect(view.getUint8(0) >> 7).toBe(copied ? 1 : 0);
      }),
      replay,
    );
  });

  it.each<[string, bigint, boolean, boolean]>([
    ["is fine", 0x0000_0000_0005_0000n, true, true],
    ["is empty", 0n, true, true],
    ["has its COPIED flag", 0x8000_0000_0005_0000n, true, false],
    ["has a reserved bit below", 0x0000_0000_0005_0001n, false, false],
    ["has a reserved bit above", 0x0100_0000_0005_0000n, false, false],
    ["is not aligned", 0x0000_0000_0005_0200n, false, false],
    ["lies behind the end", 0x0000_0000_0010_0000n, false, false],
  ])("that %s is judged by its table", (_, entry, l1Fine, refcountFine) => {
    const [high, low] = halves(entry);
    expect(l1EntryProblem(high, low, 65536, 0x10_0000) === undefined).toBe(l1Fine);
    expect(refcountTableEntryProblem(high, low, 65536, 0x10_0000) === undefined).toBe(refcountFine);
  });
});
