import { describe, expect, it } from "vitest";
import { formatExact, formatSize, parseSize } from "../src/sizes.js";

describe("parseSize", () => {
  it.each([
    ["0", 0],
    ["512", 512],
    ["1b", 1],
    ["1k", 1024],
    ["1K", 1024],
    ["1.5k", 1536],
    ["3M", 3 * 1024 ** 2],
    ["20G", 20 * 1024 ** 3],
    ["8T", 8 * 1024 ** 4],
    ["1P", 1024 ** 5],
    ["0x200", 512],
    ["0X1b", 27],
    ["0.0001k", 0],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(["", "k", "abc", "1x", "1kk", "-1", "+1", "1.k", ".5k", "1,5k", "1e3", "0x", "1 k", "1.5", "NaN"])(
    "refuses '%s'",
    (text) => {
      expect(() => parseSize(text)).toThrow(`invalid size '${text}'`);
    },
  );

  it.each(["9007199254740992", "8P", "1E", "0x20000000000000"])("refuses %s as too large", (text) => {
    expect(() => parseSize(text)).toThrow(`size '${text}' is too large`);
  });
});

describe("sizes for people", () => {
  // What qemu-img 7.2 prints.
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "0.977 KiB"],
    [1024, "1 KiB"],
    [200_704, "196 KiB"],
    [1_073_741_824, "1 GiB"],
    [1_610_612_736, "1.5 GiB"],
    [2 ** 53 - 1, "8 PiB"],
  ])("%d is %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  // What qemu-io 7.2 prints.
  it.each([
    [0, "0 bytes"],
    [512, "512 bytes"],
    [1024, "1 KiB"],
    [1536, "1.500 KiB"],
    [10_485_760, "10 MiB"],
    [1_048_577, "1 MiB"],
    [1088, "1.062 KiB"],
    [1216, "1.188 KiB"],
  ])("%d is %s exactly", (bytes, text) => {
    expect(formatExact(bytes)).toBe(text);
  });
});
