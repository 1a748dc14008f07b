import { expect, it } from "vitest";
import { oneLine, withoutSecrets } from "../src/errors.js";

it.each([
  ["'https://user:p@ss@host/a?sig=1#x' is not here", "'https://host/a' is not here"],
  ["http://user:pa'ss@host/a: taken for raw", "http://host/a: taken for raw"],
  [
    "HTTP://host/a?sig=1: taken for raw, see (https://host/b?c=d).",
    "HTTP://host/a: taken for raw, see (https://host/b).",
  ],
  ['json:{"url":"https://me@host/a?sig=1","x":"?"}', 'json:{"url":"https://host/a","x":"?"}'],
  ["s3://bucket/a#b?endpoint=http://me:pw@host/x: no", "s3://bucket/a#b?endpoint=http://host/x: no"],
  ["a path/with?mark and me@host", "a path/with?mark and me@host"],
])("%s is told as %s", (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown);
  expect(oneLine(new Error(text))).toBe(shown);
});
