import { describe, expect, it } from "vitest";
import { partRules } from "../src/part-rules.js";
import { type ByteRange, planParts } from "../src/publish-plan.js";

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const tebibyte = 2 ** 40;

/** The parts of a version, in MiB. */
function planned(size: number, ...changed: ByteRange[]): string[] {
  return planParts(size, changed, partRules(false)).map(
    ({ start, end, copy }) => `${copy ? "copy" : "send"} ${start / mebibyte}-${end / mebibyte}`,
  );
}

describe("parts of an object in S3", () => {
  it("have 5 MiB at least, and copied ones 5 GiB at most", () => {
    const byte = { start: 0, end: 1 };
    expect(planned(5 * gibibyte + 5 * mebibyte, byte)).toEqual(["send 0-5", "copy 5-5125"]);
    expect(planned(5 * gibibyte + 6 * mebibyte, byte)).toEqual(["send 0-5", "copy 5-5125", "copy 5125-5126"]);
    expect(planned(10 * mebibyte, { start: 5 * mebibyte - 1, end: 5 * mebibyte })).toEqual(["send 0-5", "copy 5-10"]);
    expect(planned(11 * mebibyte, { start: 11 * mebibyte - 1, end: 11 * mebibyte })).toEqual([
      "copy 0-10",
      "send 10-11",
    ]);
  });

  it("that are sent have 10 MiB at most, as long as that makes few enough", () => {
    expect(planned(25 * mebibyte, { start: 0, end: 25 * mebibyte })).toEqual(["send 0-10", "send 10-20", "send 20-25"]);
  });

  it.each([false, true])("are few enough of the largest object that there can be (of one size: %s)", (equal) => {
    const rules = partRules(equal);
    const all = planParts(5 * tebibyte, [{ start: 0, end: 5 * tebibyte }], rules);
    const scattered = Array.from({ length: 20_000 }, (_, at) => ({
      start: at * 200 * mebibyte,
      end: at * 200 * mebibyte + 1,
    }));
    const nearly = planParts(9800 * 10 * mebibyte, [{ start: 0, end: 9800 * 10 * mebibyte }], rules);
    for (const parts of [all, nearly, planParts(5 * tebibyte, scattered, rules)]) {
      expect(parts.length).toBeLessThanOrEqual(9500);
      expect(Math.max(...parts.map(({ start, end }) => end - start))).toBeLessThanOrEqual(5 * gibibyte);
    }
  });
});
