import { expect, it } from "vitest";
import { jsonText } from "../src/json-text.js";
import { all } from "./harness.js";

async function text(value: unknown): Promise<string> {
  return (await all(jsonText(value))).join("");
}

async function* members(...values: unknown[]): AsyncGenerator {
  yield* values;
}

it.each([
  [null],
  ['a\n\u0000"b'],
  [-1.5],
  [[]],
  [{}],
  [{ a: undefined }],
  [{ a: [], b: {}, c: [[1, 2], { d: "x" }], e: undefined, "f\n": true }],
  [[{ a: { b: { c: [null] } } }, 3]],
])("JSON of %j is what JSON.stringify makes of it", async (value) => {
  expect(await text(value)).toBe(JSON.stringify(value, null, 4));
});

it("what is iterated is an array, on whatever level, and comes member by member", async () => {
  const list = [1, { a: [2], b: "x\ny" }, []];
  expect(await text(members(...list))).toBe(JSON.stringify(list, null, 4));
  expect(await text([{ deep: { list: members(...list), none: members() } }])).toBe(
    JSON.stringify([{ deep: { list, none: [] } }], null, 4),
  );
  const pieces = jsonText(members(1, 2));
  expect((await pieces.next()).value).toBe("[\n    1");
});
