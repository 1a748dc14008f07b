import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { l2Codec, type L2Codec } from "../src/l2-codec.js";
import { kindOf, type L2Entry, subclusters, UNALLOCATED } from "../src/l2-entry.js";
import { l1EntryProblem, readOffset, refcountTableEntryProblem, writeOffset } from "../src/table-entry.js";
import { replay } from "./format-support.js";

const clusterBits = fc.integer({ min: 9, max: 21 });
const extendedBits = fc.integer({ min: 14, max: 21 });
const hostCluster = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const mask = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const LARGE = 2 ** 53;

function standard(bits: number, version = 3): L2Codec {
  return l2Codec({ version, clusterBits: bits, extendedL2: false, external: false });
}

function extended(bits: number): L2Codec {
  return l2Codec({ version: 3, clusterBits: bits, extendedL2: true, external: false });
}

function table(...words: bigint[]): DataView {
  const view = new DataView(new ArrayBuffer(words.length * 8));
  for (const [index, word] of words.entries()) view.setBigUint64(index * 8, word);
  return view;
}

/** Writes an entry over ones, and reads it again. */
function again(codec: L2Codec, entry: L2Entry): L2Entry {
  const view = new DataView(new Uint8Array(codec.entrySize).fill(0xff).buffer);
  codec.write(view, 0, entry);
  return codec.decode(view, 0);
}

describe("an L2 entry", () => {
  it("of a standard cluster comes back as it was written", () => {
    fc.assert(
      fc.property(clusterBits, fc.boolean(), fc.boolean(), hostCluster, (bits, zero, copied, n) => {
        const bit = Number(zero);
        const entry = { ...UNALLOCATED, copied, hostOffset: n * 2 ** bits, stored: 1 - bit, zero: bit };
        expect(again(standard(bits), entry)).toEqual(entry);
      }),
      replay,
    );
  });

  it("with subclusters comes back as it was written", () => {
    fc.assert(
      fc.property(extendedBits, fc.boolean(), hostCluster, mask, mask, (bits, copied, n, stored, zero) => {
        const entry = { ...UNALLOCATED, copied, hostOffset: n * 2 ** bits, stored, zero: zero & ~stored };
        const codec = extended(bits);
        const view = table(0n, 0n);
        codec.write(view, 0, entry);
        expect(codec.decode(view, 0)).toEqual(entry);
        expect(codec.problem(view, 0, LARGE)).toBeUndefined();
        const bitmap = view.getBigUint64(8);
        for (let subcluster = 0; subcluster < 32; subcluster++) {
          const [allocated, reads0] = [(bitmap >> BigInt(subcluster)) & 1n, (bitmap >> BigInt(subcluster + 32)) & 1n];
          const kind = allocated ? "normal" : reads0 ? "zero-allocated" : "reserved";
          expect(kindOf(entry, subcluster)).toBe(kind);
          if (!allocated) expect(kindOf({ ...entry, hostOffset: 0 }, subcluster)).toBe(reads0 ? "zero" : "unallocated");
        }
      }),
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
        const entry: L2Entry = { ...UNALLOCATED, compressed: true, hostOffset, compressedLength };
        for (const codec of bits < 14 ? [standard(bits)] : [standard(bits), extended(bits)]) {
          const decoded = again(codec, entry);
          expect(decoded).toMatchObject({ compressed: true, copied: false, hostOffset, stored: 0, zero: 0 });
          expect(decoded.compressedLength).toBeGreaterThanOrEqual(compressedLength);
          expect(decoded.compressedLength).toBeLessThan(compressedLength + 512);
          expect((hostOffset + decoded.compressedLength) % 512).toBe(0);
        }
      }),
      replay,
    );
  });

  it("is what arithmetic on 64-bit numbers says, whatever its bits are", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), clusterBits, (entry, bits) => {
        const view = table(entry);
        const decoded = standard(bits).decode(view, 0);
        expect(decoded.copied).toBe(entry >> 63n === 1n);
        if ((entry >> 62n) & 1n) {
          const x = BigInt(62 - (bits - 8));
          const offset = entry & ((1n << x) - 1n);
          const sectors = (entry & ((1n << 62n) - 1n)) >> x;
          expect(kindOf(decoded, 0)).toBe("compressed");
          expect(decoded.hostOffset).toBe(Number(offset));
          expect(decoded.compressedLength).toBe(Number((sectors + 1n) * 512n - (offset & 511n)));
        } else {
          const offset = entry & 0x00fffffffffffe00n;
          expect(decoded.hostOffset).toBe(Number(offset));
          expect(BigInt(decoded.hostOffset)).toBe(offset);
          const zero = (entry & 1n) === 1n;
          expect(kindOf(decoded, 0)).toBe(
            zero ? (offset ? "zero-allocated" : "zero") : offset ? "normal" : "unallocated",
          );
          const fine = standard(bits).problem(view, 0, LARGE) === undefined;
          const reserved = entry & 0x3f000000000001fen;
          const inside = offset < BigInt(LARGE) && offset % (1n << BigInt(bits)) === 0n;
          expect(fine).toBe(reserved === 0n && inside);
        }
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
    expect(standard(16, version).problem(table(entry), 0, 0x10_0000)?.part).toBe("L2 entry");
    if (version === 3) expect(extended(16).problem(table(entry, 0n), 0, 0x10_0000)?.part).toBe("L2 entry");
  });

  it.each<[string, bigint, bigint, string | undefined]>([
    ["a subcluster both allocated and zero", 0x8000_0000_0005_0000n, 0x0000_0010_0000_0010n, "subcluster bitmap"],
    ["an allocated subcluster without a host cluster", 0n, 1n, "subcluster bitmap"],
    ["an allocated last subcluster without a host cluster", 0n, 0x8000_0000n, "subcluster bitmap"],
    ["a compressed cluster with subclusters allocated", 0x4000_0000_0005_0000n, 1n, "subcluster bitmap"],
    ["a compressed cluster with subclusters zero", 0x4000_0000_0005_0000n, 1n << 63n, "subcluster bitmap"],
    ["the zero flag of a standard entry", 0x8000_0000_0005_0001n, 0n, "L2 entry"],
    ["zero subclusters without a host cluster", 0n, 0xffff_ffff_0000_0000n, undefined],
    ["a host cluster without subclusters", 0x8000_0000_0005_0000n, 0n, undefined],
  ])("that is extended, with %s", (_, entry, bitmap, part) => {
    expect(extended(16).problem(table(entry, bitmap), 0, 0x10_0000)?.part).toBe(part);
  });

  it("refuses compressed data that its descriptor has no room for", () => {
    const entry: L2Entry = { ...UNALLOCATED, compressed: true, hostOffset: 512, compressedLength: 1025 };
    expect(() => again(standard(9), entry)).toThrow(RangeError);
    expect(() => again(standard(9), { ...entry, compressedLength: 0 })).toThrow(RangeError);
  });
});

describe("subclusters in a row", () => {
  const HOST = 0x8000_0000_0005_0000n;

  it.each<[string, bigint[], number, number, number]>([
    ["stored, up to one that is not", [HOST, 0x0000_0000_0000_00f0n], 4, 100, 4],
    ["stored, no further than asked", [HOST, 0x0000_0000_ffff_ffffn], 4, 5, 5],
    ["stored, to the next cluster and into it", [HOST, 0xf000_0000n, HOST + 0x1_0000n, 0x0fn], 28, 64, 8],
    ["stored, not to a cluster elsewhere", [HOST, 0xf000_0000n, HOST + 0x2_0000n, 0x0fn], 28, 64, 4],
    ["stored, not to one that breaks a rule", [HOST, 0xf000_0000n, HOST + 0x1_0000n, 0x1_0000_000fn], 28, 64, 4],
    ["stored, not to one that a snapshot shares", [HOST, 0xf000_0000n, 0x6_0000n, 0x0fn], 28, 64, 4],
    ["zero, with a host cluster", [HOST, 0x0000_0006_0000_00f0n], 1, 100, 2],
    ["zero, without host clusters", [0n, 0xffff_ffffn << 32n, 0n, 0x0000_0007_0000_0000n], 0, 64, 35],
    ["neither, with a host cluster", [HOST, 0x0000_0006_0000_00f0n], 8, 24, 24],
    ["neither, without host clusters", [0n, 0n, 0n, 0n, HOST, 0n], 0, 96, 64],
  ])("are counted: %s", (_, words, first, most, count) => {
    expect(extended(16).countAlike(table(...words), 0, first, most)).toBe(count);
  });

  it("make a mask", () => {
    expect([subclusters(0, 32), subclusters(0, 1), subclusters(31, 32), subclusters(4, 8), subclusters(5, 5)]).toEqual([
      -1,
      1,
      1 << 31,
      0xf0,
      0,
    ]);
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
    const [high, low] = [Number(entry >> 32n), Number(entry & 0xffffffffn)];
    expect(l1EntryProblem(high, low, 65536, 0x10_0000) === undefined).toBe(l1Fine);
    expect(refcountTableEntryProblem(high, low, 65536, 0x10_0000) === undefined).toBe(refcountFine);
  });
});
