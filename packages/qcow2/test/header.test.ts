import { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { isQcow2Error } from "../src/errors.js";
import {
  encodeFeatureNames,
  featureNames,
  KNOWN_FEATURES,
  parseFeatureNames,
  requireSupported,
} from "../src/features.js";
import { backingFileName, backingFormat, parseHeader, probeQcow2, readHeader } from "../src/header.js";
import { encodeHeader, encodeHeaderFields } from "../src/header-encode.js";
import { definitions, fixtureBytes, fixtureFile } from "./fixtures.js";
import { memoryOf } from "./format-support.js";

const readable = definitions.filter(({ refused }) => refused === undefined).map(({ name }) => name);

describe("a header", () => {
  it.each(readable)("written anew is the one that QEMU wrote: %s", (name) => {
    const bytes = fixtureBytes(name);
    const header = parseHeader(bytes, bytes.byteLength, name);
    const again = encodeHeader(header, name);
    expect(again).toEqual(bytes.subarray(0, again.byteLength));
    const fields = encodeHeaderFields(header);
    expect(fields).toEqual(bytes.subarray(0, header.headerLength));
  });

  it("keeps extensions, feature bits and fields that nobody knows", () => {
    const bytes = fixtureBytes("unknown-extras");
    // A longer header: fields behind the compression type that nobody knows.
    bytes.copyWithin(120, 112, 3000);
    bytes.fill(0xab, 112, 120);
    bytes[103] = 120;
    const header = parseHeader(bytes, bytes.byteLength, "x");
    expect(header.extensions[0]).toEqual({ type: 0x12345678, data: new Uint8Array([1, 2, 3, 4, 5]) });
    expect(header.features).toEqual({ incompatible: 0n, compatible: 1n << 40n, autoclear: 1n << 33n });
    const again = encodeHeader({ ...header, size: header.size - 512 }, "x");
    const expected = bytes.slice(0, again.byteLength);
    expected.set([0x0f, 0xfe, 0x00], 29);
    expect(again).toEqual(expected);
  });

  it("with a backing file keeps its name when extensions grow", () => {
    const bytes = fixtureBytes("chain-top");
    const header = parseHeader(bytes, bytes.byteLength, "x");
    const extensions = [...header.extensions, { type: 7, data: new Uint8Array(100).fill(7) }];
    const grown = encodeHeader({ ...header, extensions }, "x");
    const file = new Uint8Array(bytes);
    file.set(grown);
    const again = parseHeader(file, file.byteLength, "x");
    expect([backingFileName(again), backingFormat(again)]).toEqual(["chain-middle.qcow2", "qcow2"]);
    expect(again.extensions).toEqual(extensions);
    const tooLong = [{ type: 7, data: new Uint8Array(4096) }];
    expect(() => encodeHeader({ ...header, extensions: tooLong }, "x")).toThrow(/at most the cluster size 4096/);
  });

  it("of version 2 has no feature bits and refcounts of 16 bits", async () => {
    const header = await readHeader(await fixtureFile("v2-64k"));
    expect(header).toMatchObject({ version: 2, refcountOrder: 4, headerLength: 72 });
    expect(header.features).toEqual({ incompatible: 0n, compatible: 0n, autoclear: 0n });
  });

  it("of an image with large clusters is read with little", async () => {
    const reads: number[] = [];
    class Watched extends MemoryBackend {
      override async read(target: Uint8Array, offset: number): Promise<void> {
        reads.push(target.byteLength);
        await super.read(target, offset);
      }
    }
    const bytes = fixtureBytes("v3-2m");
    const file = new Watched();
    await file.write(bytes, 0);
    await readHeader(file);
    expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(2 ** 21);
  });

  it("takes the name of a backing file up to its first zero byte", () => {
    const bytes = fixtureBytes("chain-top");
    const header = parseHeader(bytes, bytes.byteLength, "x");
    bytes[header.backingFileOffset + 5] = 0;
    expect(backingFileName(parseHeader(bytes, bytes.byteLength, "x"))).toBe("chain");
  });
});

describe("probeQcow2", () => {
  it("looks at the magic number only", async () => {
    expect(await probeQcow2(await fixtureFile("aes"))).toBe(true);
    expect(await probeQcow2(await memoryOf(new Uint8Array([0x51, 0x46, 0x49, 0xfb])))).toBe(true);
    expect(await probeQcow2(await memoryOf(new Uint8Array([0x51, 0x46, 0x49])))).toBe(false);
    expect(await probeQcow2(await memoryOf(new Uint8Array(512)))).toBe(false);
    expect(await probeQcow2(new MemoryBackend())).toBe(false);
  });
});

describe("features", () => {
  it("have the names that QEMU gives them", () => {
    const bytes = fixtureBytes("v3-64k");
    const header = parseHeader(bytes, bytes.byteLength, "x");
    expect(parseFeatureNames(header.extensions[0]?.data ?? new Uint8Array())).toEqual(KNOWN_FEATURES);
    expect(encodeFeatureNames(KNOWN_FEATURES)).toEqual(header.extensions[0]?.data);
  });

  it("that are unknown are named after the image's table, or their bit", () => {
    const names = [{ kind: "incompatible", bit: 63, name: "future" } as const];
    expect(featureNames("incompatible", (1n << 63n) | (1n << 9n) | 1n, names)).toEqual([
      "dirty bit",
      "bit 9",
      "future",
    ]);
    // A name for a compatible bit is none for an incompatible one.
    expect(featureNames("compatible", 1n << 63n, names)).toEqual(["bit 63"]);
  });

  it.each<[bigint, string, RegExp]>([
    [(1n << 4n) | (1n << 5n), "ERR_UNKNOWN_FEATURE", /feature: "bit 5"/],
    [1n << 61n, "ERR_UNKNOWN_FEATURE", /"evil\\u001b\[31m\\u009b"/],
  ])("%s are refused with %s", (bits, code, message) => {
    const names = [{ kind: "incompatible", bit: 61, name: "evil\u001b[31m\u009b" } as const];
    try {
      requireSupported("x", bits, names);
      expect.unreachable();
    } catch (error) {
      expect(isQcow2Error(error) && error.code).toBe(code);
      expect(String(error)).toMatch(message);
    }
  });

  it("that are dirty and corrupt are left to who opens the image", () => {
    expect(() => requireSupported("x", 3n, [])).not.toThrow();
  });
});
