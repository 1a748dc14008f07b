import { expect, it } from "vitest";
import { parseContentRange } from "../src/engine/content-range.js";

it.each([
  ["bytes 0-9/100", { range: { first: 0, last: 9 }, total: 100 }],
  [" BYTES 5-5/6 ", { range: { first: 5, last: 5 }, total: 6 }],
  ["bytes 0-9/*", { range: { first: 0, last: 9 }, total: undefined }],
  ["bytes */100", { range: undefined, total: 100 }],
])("%j is understood", (text, expected) => {
  expect(parseContentRange(text)).toEqual(expected);
});

it.each([
  undefined,
  "",
  "bytes */*",
  "bytes 9-8/100",
  "bytes 0-100/100",
  "bytes 0-9",
  "bytes -9/100",
  "bytes 0-9/100, bytes 0-9/100",
  "items 0-9/100",
  "bytes 0-9/9007199254740993",
  "bytes 0-9007199254740993/*",
])("%j is none", (text) => {
  expect(parseContentRange(text)).toBe(undefined);
});
