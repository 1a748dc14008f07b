import { MemoryBackend } from "@instar/backend";
import { describe, expect, it, vi } from "vitest";

import { ImageError, isImageError, readOnlyCapabilities, ruleErrorOf, TableSlices } from "../src/index.js";

async function fileOf(size: number): Promise<MemoryBackend> {
  const file = new MemoryBackend({ name: "a.img" });
  await file.write(
    Uint8Array.from({ length: size }, (_, index) => index >> 8),
    0,
  );
  return file;
}

describe("TableSlices", () => {
  it("reads a slice once, and again when it has been pushed out", async () => {
    const file = await fileOf(40_000);
    const read = vi.spyOn(file, "read");
    const tables = new TableSlices("f", file, 0);
    const byteAt = (offset: number): Promise<number> => tables.use(offset, 1, undefined, (s, at) => s.getUint8(at));
    expect([await byteAt(512), await byteAt(16_383)]).toEqual([2, 63]);
    expect(read).toHaveBeenCalledTimes(1);
    expect(await byteAt(39_999)).toBe(156);
    expect(await byteAt(512)).toBe(2);
    expect(read).toHaveBeenCalledTimes(3);
  });

  it("refuses an entry that is not whole in the file", async () => {
    const tables = new TableSlices("f", await fileOf(1024), 0);
    expect(await tables.use(1020, 4, undefined, (slice) => slice.byteLength)).toBe(1024);
    const refused = { name: "ImageError", format: "f", code: "ERR_TRUNCATED", field: "size of the file", value: 1024 };
    await expect(tables.use(1021, 4, undefined, () => 0)).rejects.toMatchObject(refused);
  });
});

describe("readOnlyCapabilities", () => {
  it("promise extents, and durability where the file has it, and nothing that changes", () => {
    const { extents, durable, ...changes } = readOnlyCapabilities(new MemoryBackend());
    expect([extents, durable]).toEqual([true, false]);
    expect(new Set(Object.values(changes))).toEqual(new Set([false]));
  });
});

describe("ImageError", () => {
  it("is told from others, by code, and from other copies of the class", () => {
    const error = new ImageError("f", "ERR_CORRUPT", "m", { cause: 1 });
    expect([isImageError(error), isImageError(error, "ERR_CORRUPT")]).toEqual([true, true]);
    expect(isImageError(error, "ERR_TRUNCATED")).toBe(false);
    expect(isImageError(new Error("m"))).toBe(false);
    expect(isImageError(Object.assign(new Error("m"), { code: "ERR_CORRUPT" }))).toBe(false);
    expect(isImageError(Object.assign(new Error("m"), { name: "ImageError", code: "ERR_CORRUPT" }))).toBe(true);
    expect(error.cause).toBe(1);
  });

  it("names image, field and rule, and escapes what could steer a terminal", () => {
    const error = ruleErrorOf("f")("ERR_CORRUPT", "a.img", "name", "\u001b\u009b\u202e", "be plain");
    expect(error.message).toBe('a.img: name is "\\u001b\\u009b\\u202e", must be plain');
    expect(error).toMatchObject({ format: "f", field: "name", value: "\u001b\u009b\u202e", rule: "be plain" });
  });
});
