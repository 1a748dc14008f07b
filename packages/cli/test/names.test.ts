import { describe, expect, it } from "vitest";
import { imageFromJson, imageFromOptions } from "../src/names/described-image.js";
import { imageNamed, storageReferenced } from "../src/names/image-name.js";
import type { StorageSpec } from "../src/names/image-spec.js";

const file = (path: string): StorageSpec => ({ kind: "file", path });
const url = (href: string, options: Record<string, string> = {}): StorageSpec => ({
  kind: "url",
  url: href,
  options: new Map(Object.entries(options)),
});

describe("a name", () => {
  it.each([
    ["disk.qcow2", file("disk.qcow2")],
    ["a:b", file("a:b")],
    ["file:disk", file("disk")],
    ["file:///a/disk", file("/a/disk")],
    ["https://host/disk", url("https://host/disk")],
    ["HTTP://host/disk", url("HTTP://host/disk")],
  ])("%s", async (name, storage) => {
    expect(await imageNamed(name)).toEqual({ storage });
  });

  it.each([
    ["nbd://host/disk", "protocol 'nbd:' is not supported"],
    ["file://host/disk", "names no local file"],
  ])("%s is refused", async (name, message) => {
    await expect(imageNamed(name)).rejects.toThrow(message);
  });
});

describe("a name that an image gives", () => {
  it.each([
    ["base", "/images/top", "/images/base"],
    ["below/base", "/images/top", "/images/below/base"],
    ["../base", "/link/top", "/link/../base"],
    ["base", "top", "base"],
    ["./base", "images/top", "images/./base"],
    ["/base", "/images/top", "/base"],
    ["file:base", "/images/top", "/images/base"],
    ["below/a:b", "/images/top", "/images/below/a:b"],
  ])("%s of %s is %s", (name, image, path) => {
    expect(storageReferenced(name, file(image))).toEqual(file(path));
  });

  it.each([
    ["base", "https://host/images/top", "https://host/images/base"],
    ["../base", "https://host/images/top?key=1", "https://host/base"],
    ["https://other/base", "https://host/images/top", "https://other/base"],
  ])("%s of %s is %s", (name, image, href) => {
    expect(storageReferenced(name, url(image))).toEqual(url(href));
  });

  it("passes on to its own server what opens the image, and to no other", () => {
    const base = url("https://host/images/top", { cookie: "secret" });
    expect(storageReferenced("base", base)).toEqual(url("https://host/images/base", { cookie: "secret" }));
    expect(storageReferenced("\\\\other/base", base)).toEqual(url("https://other/base"));
    expect(storageReferenced("https://host/base", base)).toEqual(url("https://host/base"));
  });

  it("that is absolute is a local path also for an image at a URL", () => {
    expect(storageReferenced("/etc/passwd", url("https://host/top"))).toEqual(file("/etc/passwd"));
  });

  it.each(["nbd://host/disk", "nbd:host:10809", "fat:/etc", "file:json:{}", "file:https://host/x"])(
    "refuses %s",
    (name) => {
      expect(() => storageReferenced(name, file("/images/top"))).toThrow(/is a \w+: name/);
    },
  );
});

/** The same, as nested JSON, as flat JSON and as options. */
const DESCRIPTIONS = [
  [
    { driver: "qcow2", file: { driver: "file", filename: "a,b" } },
    { storage: file("a,b"), format: "qcow2" },
  ],
  [
    { driver: "qcow2", file: { filename: "a" } },
    { storage: file("a"), format: "qcow2" },
  ],
  [{ file: { filename: "https://host/a" } }, { storage: url("https://host/a") }],
  [
    { driver: "vhd", file: { filename: "a" } },
    { storage: file("a"), format: "vpc" },
  ],
  [
    { driver: "file", filename: "a" },
    { storage: file("a"), format: "raw" },
  ],
  [
    { driver: "raw", offset: "1024", size: "1k", file: { driver: "file", filename: "a" } },
    { storage: { kind: "part", whole: file("a"), offset: 1024, size: 1024 }, format: "raw" },
  ],
  [
    { driver: "qcow2", file: { driver: "raw", offset: "512", file: { filename: "a" } } },
    { storage: { kind: "part", whole: file("a"), offset: 512, size: undefined }, format: "qcow2" },
  ],
  [
    { driver: "https", url: "https://host/a", readahead: "64k", "cookie-secret": "c" },
    { storage: url("https://host/a", { readahead: "64k", "cookie-secret": "c" }), format: "raw" },
  ],
  [
    { driver: "qcow2", file: { filename: "a" }, backing: { driver: "raw", file: { filename: "b" } } },
    { storage: file("a"), format: "qcow2", backing: { storage: file("b"), format: "raw" } },
  ],
  [
    { driver: "qcow2", file: { filename: "a" }, "encrypt.key-secret": "sec0", "encrypt.format": "luks" },
    { storage: file("a"), format: "qcow2", keySecret: "sec0" },
  ],
  [
    { driver: "qcow2", file: { filename: "a" }, "data-file": { driver: "file", filename: "d" } },
    { storage: file("a"), format: "qcow2", dataFile: file("d") },
  ],
  [
    { driver: "qcow2", "l2-cache-size": "1M", "refcount-cache-size": "64k", file: { filename: "a" } },
    { storage: file("a"), format: "qcow2", caches: { l2Bytes: 1_048_576, refcountBytes: 65_536 } },
  ],
  [
    { driver: "qcow2", "read-only": "on", "force-share": "off", "node-name": "n", file: { filename: "a" } },
    { storage: file("a"), format: "qcow2", readOnly: true, share: false },
  ],
] as const;

function flat(value: object, prefix = ""): [string, string][] {
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) =>
    typeof item === "object" && item !== null ? flat(item, `${prefix}${key}.`) : [[`${prefix}${key}`, String(item)]],
  );
}

describe("a description", () => {
  it.each(DESCRIPTIONS.map(([description, spec]) => [JSON.stringify(description), description, spec] as const))(
    "%s",
    (text, description, spec) => {
      const options = flat(description)
        .map(([key, value]) => `${key}=${value.replaceAll(",", ",,")}`)
        .join(",");
      for (const found of [
        imageFromJson(text),
        imageFromJson(JSON.stringify(Object.fromEntries(flat(description)))),
        imageFromOptions(options),
      ]) {
        expect(JSON.parse(JSON.stringify(found, plain))).toMatchObject(
          JSON.parse(JSON.stringify(spec, plain)) as object,
        );
      }
    },
  );

  it("can say that there is nothing below", () => {
    expect(imageFromJson('{"driver":"qcow2","backing":null,"file":{"filename":"a"}}').backing).toBeNull();
  });

  it("takes booleans and numbers of JSON", () => {
    const text = '{"driver":"qcow2","read-only":true,"l2-cache-size":4096,"file":{"driver":"file","filename":"a"}}';
    expect(imageFromJson(text)).toMatchObject({ readOnly: true, caches: { l2Bytes: 4096 } });
  });

  it.each([
    ['{"driver":"qcow2"}', "file.filename is missing"],
    ['{"driver":"qcow2","file":"node0"}', "file 'node0': must be described by file.driver"],
    ['{"driver":"qcow2","file":{"driver":"file"}}', "file.filename is missing"],
    ['{"driver":"qcow2","bogus":1,"file":{"filename":"a"}}', "bogus: qcow2 has no such option"],
    ['{"driver":"qcow2","file":{"driver":"file","filename":"a","bogus":1}}', "file.bogus: file has no such option"],
    ['{"driver":"bogus","file":{"filename":"a"}}', "unknown file format 'bogus'"],
    ['{"driver":"qcow2","file":{"driver":"qcow2","file":{"filename":"a"}}}', "cannot be the file of an image"],
    ['{"driver":"raw","size":"many","file":{"filename":"a"}}', "invalid size 'many'"],
    ['{"driver":"qcow2","read-only":"maybe","file":{"filename":"a"}}', "read-only 'maybe': must be on or off"],
    ['{"driver":"qcow2","file":{"filename":null}}', "file.filename must not be null"],
    ['{"driver":"qcow2","file":["a"]}', "'file' must be a value or an object"],
    ['{"driver":"http","url":"https://host/a"}', "driver http needs a http: URL"],
    ["[]", "it must be an object"],
    ["{", "is not well-formed"],
    [`${'{"file":'.repeat(300)}{}${"}".repeat(300)}`, "more than 200 nodes below each other"],
  ])("%s is refused", (text, message) => {
    expect(() => imageFromJson(text)).toThrow(message);
  });
});

/** Maps as objects. */
function plain(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value as Map<string, string>) : value;
}
