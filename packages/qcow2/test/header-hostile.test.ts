import * as fc from "fast-check";
import { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { checkImage } from "../src/check/check-image.js";
import { isQcow2Error, type Qcow2ErrorCode } from "../src/errors.js";
import { parseHeader, type Qcow2Header, readHeader } from "../src/header.js";
import { Qcow2Image } from "../src/index.js";
import { definitions, fixtureBytes, fixtureFile } from "./fixtures.js";
import { memoryOf, replay } from "./format-support.js";

/** Fields of the header: name, position, bytes. */
const fields = [
  ["magic", 0, 4],
  ["version", 4, 4],
  ["backing_file_offset", 8, 8],
  ["backing_file_size", 16, 4],
  ["cluster_bits", 20, 4],
  ["size", 24, 8],
  ["crypt_method", 32, 4],
  ["l1_size", 36, 4],
  ["l1_table_offset", 40, 8],
  ["refcount_table_offset", 48, 8],
  ["refcount_table_clusters", 56, 4],
  ["nb_snapshots", 60, 4],
  ["snapshots_offset", 64, 8],
  ["incompatible_features", 72, 8],
  ["compatible_features", 80, 8],
  ["autoclear_features", 88, 8],
  ["refcount_order", 96, 4],
  ["header_length", 100, 4],
  ["compression_type", 104, 1],
] as const;

type FieldName = (typeof fields)[number][0];

function withField(bytes: Uint8Array, name: FieldName, value: bigint): Uint8Array {
  const changed = new Uint8Array(bytes);
  const [, position, length] = fields.find(([field]) => field === name) ?? fields[0];
  for (let i = 0; i < length; i++) changed[position + length - 1 - i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return changed;
}

/** Parses; what is thrown must be a Qcow2Error that says what it is about. */
function attempt(bytes: Uint8Array, size = bytes.byteLength): Qcow2Header | undefined {
  try {
    return parseHeader(bytes.subarray(0, 1 << 21), size, "hostile");
  } catch (error) {
    if (!isQcow2Error(error)) throw error;
    const told = error.message.startsWith("hostile: ") && error.field !== undefined && error.rule !== undefined;
    if (!told) expect.unreachable(`an error that does not say what it is about: ${error.message}`);
    return undefined;
  }
}

function thrown(bytes: Uint8Array, size = bytes.byteLength): { code: Qcow2ErrorCode; field: string | undefined } {
  try {
    parseHeader(bytes, size, "hostile");
  } catch (error) {
    if (isQcow2Error(error)) return { code: error.code, field: error.field };
    throw error;
  }
  throw new Error("the header was accepted");
}

const v3 = fixtureBytes("v3-64k");
const overlay = fixtureBytes("chain-top");
const snapshots = fixtureBytes("snapshot");

describe("a hostile header", () => {
  it.each<[Qcow2ErrorCode, FieldName, bigint, Uint8Array?, string?]>([
    ["ERR_NOT_THIS_FORMAT", "magic", 0x514649fcn],
    ["ERR_UNSUPPORTED_VERSION", "version", 1n],
    ["ERR_UNSUPPORTED_VERSION", "version", 4n],
    ["ERR_INVALID_HEADER", "cluster_bits", 8n],
    ["ERR_INVALID_HEADER", "cluster_bits", 22n],
    ["ERR_INVALID_HEADER", "cluster_bits", 0xffffffffn],
    ["ERR_INVALID_HEADER", "crypt_method", 2n],
    ["ERR_INVALID_HEADER", "crypt_method", 3n],
    ["ERR_INVALID_HEADER", "l1_size", 0n],
    ["ERR_INVALID_HEADER", "l1_size", 4194305n],
    ["ERR_TRUNCATED", "l1_size", 4194304n, v3, "l1_table_offset"],
    ["ERR_INVALID_HEADER", "l1_table_offset", 0n],
    ["ERR_INVALID_HEADER", "l1_table_offset", 0x30200n],
    ["ERR_INVALID_HEADER", "l1_table_offset", 1n << 63n],
    ["ERR_INVALID_HEADER", "l1_table_offset", 0x10000n],
    ["ERR_TRUNCATED", "l1_table_offset", 0x4000_0000_0000n],
    ["ERR_INVALID_HEADER", "refcount_table_offset", 0n],
    ["ERR_INVALID_HEADER", "refcount_table_offset", 0x10001n],
    ["ERR_TRUNCATED", "refcount_table_offset", 0x4000_0000_0000n],
    ["ERR_INVALID_HEADER", "refcount_table_clusters", 0n],
    ["ERR_INVALID_HEADER", "refcount_table_clusters", 129n],
    ["ERR_TRUNCATED", "refcount_table_clusters", 128n, v3, "refcount_table_offset"],
    ["ERR_INVALID_HEADER", "size", 1n << 53n],
    ["ERR_INVALID_HEADER", "size", (1n << 64n) - 1n],
    ["ERR_INVALID_HEADER", "size", 1n << 30n, v3, "l1_size"],
    ["ERR_INVALID_HEADER", "nb_snapshots", 65537n, snapshots],
    ["ERR_TRUNCATED", "nb_snapshots", 65536n, snapshots, "snapshots_offset"],
    ["ERR_INVALID_HEADER", "snapshots_offset", 7n, snapshots],
    ["ERR_UNKNOWN_FEATURE", "incompatible_features", 1n << 5n],
    ["ERR_UNKNOWN_FEATURE", "incompatible_features", (1n << 64n) - 1n],
    ["ERR_INVALID_HEADER", "incompatible_features", 16n, overlay, "cluster_bits"],
    ["ERR_INVALID_HEADER", "refcount_order", 7n],
    ["ERR_INVALID_HEADER", "refcount_order", 0xffffffffn],
    ["ERR_INVALID_HEADER", "header_length", 72n],
    ["ERR_INVALID_HEADER", "header_length", 108n],
    ["ERR_INVALID_HEADER", "header_length", 65544n],
    ["ERR_INVALID_HEADER", "compression_type", 1n],
    ["ERR_INVALID_HEADER", "backing_file_offset", 8n, overlay],
    ["ERR_INVALID_HEADER", "backing_file_offset", 4097n, overlay],
    ["ERR_INVALID_HEADER", "backing_file_offset", 1n << 63n, overlay],
    ["ERR_INVALID_HEADER", "backing_file_size", 1024n, overlay],
    ["ERR_INVALID_HEADER", "backing_file_size", 0xffffffffn, overlay],
  ])("is refused with %s: %s %s", (code, field, value, bytes = v3, named = field) => {
    expect(attempt(bytes)).toBeDefined();
    expect(thrown(withField(bytes, field, value))).toEqual({ code, field: named });
  });

  it("is refused, or accepted with all its rules kept, at every boundary of every field", { timeout: 60_000 }, () => {
    const powers = Array.from({ length: 65 }, (_, bit) => 1n << BigInt(bit));
    const values = [0n, ...powers.flatMap((power) => [power - 1n, power, power + 1n])];
    for (const base of [v3, overlay, snapshots, fixtureBytes("v2-512")]) {
      for (const [field, , length] of fields) {
        for (const value of values) {
          if (value >> BigInt(8 * length) !== 0n) continue;
          const header = attempt(withField(base.subarray(0, 65536), field, value), base.byteLength);
          if (header === undefined) continue;
          const tableEnd = header.refcountTableOffset + header.refcountTableClusters * 2 ** header.clusterBits;
          const kept =
            header.l1TableOffset + header.l1Size * 8 <= base.byteLength &&
            tableEnd <= base.byteLength &&
            header.l1Size * 2 ** (2 * header.clusterBits - 3) >= header.size;
          if (!kept) expect.unreachable(`${field} ${value}`);
        }
      }
    }
  });

  it("is refused at every length to which the file may be cut", () => {
    for (let size = 0; size < 200; size++) {
      const expected = size < 4 ? "ERR_NOT_THIS_FORMAT" : "ERR_TRUNCATED";
      expect(thrown(v3.subarray(0, size), size).code).toBe(expected);
    }
    for (const size of [512, 65535, 65536, 131071, 131072, 196608, 196615]) {
      expect(thrown(v3.subarray(0, Math.min(size, 65536)), size).code).toBe("ERR_TRUNCATED");
    }
  });

  it("has its extensions checked", () => {
    const long = withExtension(v3, 0x6803f857, 0xffffffff);
    expect(thrown(long)).toMatchObject({ code: "ERR_INVALID_HEADER", field: "length of header extension 0x6803f857" });
    // The area ends where the name of the backing file begins.
    const begins = attempt(overlay)?.backingFileOffset ?? 0;
    expect(thrown(withExtension(overlay, 5, begins - 119))).toMatchObject({ code: "ERR_INVALID_HEADER" });
    // An unknown feature is the better reason.
    const both = withField(long, "incompatible_features", 1n << 40n);
    expect(thrown(both)).toEqual({ code: "ERR_UNKNOWN_FEATURE", field: "incompatible_features" });
  });

  it("made of random bytes ends in an error of ours, or in a check that ends", { timeout: 60_000 }, async () => {
    const flips = fc.array(fc.tuple(fc.nat(159), fc.nat(255)), { minLength: 1, maxLength: 6 });
    const bases = ["v3-512", "chain-top", "snapshot", "bitmap", "v2-512"].map(fixtureBytes);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...bases), flips, async (base, changes) => {
        const bytes = new Uint8Array(base);
        for (const [at, value] of changes) bytes[at] = value;
        if (attempt(bytes) === undefined) return;
        const file = await memoryOf(bytes);
        await checkImage(file, await readHeader(file));
      }),
      { ...replay, numRuns: 300 },
    );
  });

  it("of a file that claims to be immense costs no memory", async () => {
    const file = new MemoryBackend({ size: Number.MAX_SAFE_INTEGER });
    await file.write(withField(v3.subarray(0, 65536), "l1_size", 4194304n), 0);
    const header = await readHeader(file);
    expect(header.l1Size).toBe(4194304);
  });
});

describe("an image that is refused", () => {
  it.each(definitions.flatMap(({ name, refused }) => (refused === undefined ? [] : [[name, refused]])))(
    "%s, with %s",
    async (name, code) => {
      const error: unknown = await Qcow2Image.open(await fixtureFile(name)).catch((reason: unknown) => reason);
      expect(isQcow2Error(error) && error.code).toBe(code);
      if (name === "unknown-incompatible") expect(String(error)).toContain('"time travel"');
      if (name === "aes") expect(String(error)).toContain("encrypted with AES");
    },
  );
});

/** Writes the first extension's type and length. */
function withExtension(bytes: Uint8Array, type: number, length: number): Uint8Array {
  const changed = new Uint8Array(bytes);
  const view = new DataView(changed.buffer);
  view.setUint32(112, type);
  view.setUint32(116, length);
  return changed;
}
