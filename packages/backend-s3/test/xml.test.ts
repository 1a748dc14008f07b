import { expect, it } from "vitest";
import { elements, escaped, textOf } from "../src/xml.js";

it("text is escaped, and read again as it was", () => {
  const text = 'a "b" <c> &amp; \u{1f4be}';
  expect(escaped(text)).toBe('a "b" &lt;c&gt; &amp;amp; \u{1f4be}');
  expect(textOf(`<ETag>${escaped(text)}</ETag>`, "ETag")).toBe(text);
});

it.each([
  ["&quot;a&apos;", "\"a'"],
  ["&#34;&#x22;&#X1F4BE;", '""\u{1f4be}'],
  ["&unknown;&#x110000;", "&unknown;&#x110000;"],
])("%s is read as %s", (text, expected) => {
  expect(textOf(`<A>${text}</A>`, "A")).toBe(expected);
});

it("elements of a name are found, those within others too, and no others", () => {
  const xml = "<List><Part><Key>a</Key></Part><Parts>x</Parts><Part>\n<Key>b</Key></Part></List>";
  expect(elements(xml, "Part")).toEqual(["<Key>a</Key>", "\n<Key>b</Key>"]);
  expect([textOf(xml, "Key"), textOf(xml, "Owner")]).toEqual(["a", undefined]);
});
