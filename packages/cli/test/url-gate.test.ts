import { describe, expect, it } from "vitest";
import { allowedUrls, requireAllowedUrl, shownUrl } from "../src/url-gate.js";

const OWN = "https://host/images/top?key=1";

describe("a URL that an image names", () => {
  it.each([
    ["https://host/images/base", OWN, []],
    ["https://host/images/below/base?key=2", OWN, []],
    ["https://host/images/below/../base", OWN, []],
    ["https://other/store/base", OWN, ["https://other/store/"]],
    ["https://other/store/base", undefined, ["https://other/store"]],
    ["https://other/store/base", undefined, ["https://other/store/base"]],
    ["https://other/any/where", undefined, ["https://other"]],
    ["https://user:pw@other/base", undefined, ["https://user:pw@other/"]],
  ])("%s of %s may be opened where %j is allowed", (url, own, prefixes) => {
    expect(() => requireAllowedUrl("it", url, own, prefixes)).not.toThrow();
  });

  it.each([
    ["https://host/images/base", undefined, []],
    ["https://host/base", OWN, []],
    ["https://host/images/../base", OWN, []],
    ["https://host/images/%2e%2e/base", OWN, []],
    ["https://host/images/..%2fbase", OWN, []],
    ["https://host/images/%2E%2E%5Cbase", OWN, []],
    ["https://host/images2/base", OWN, []],
    ["http://host/images/base", OWN, []],
    ["https://host:8443/images/base", OWN, []],
    ["https://user@host/images/base", OWN, []],
    ["https://other/storehouse/base", undefined, ["https://other/store"]],
    ["https://other.evil/store/base", undefined, ["https://other/"]],
    ["http://169.254.169.254/latest/meta-data", OWN, []],
  ])("%s of %s is refused where %j is allowed", (url, own, prefixes) => {
    expect(() => requireAllowedUrl("it", url, own, prefixes)).toThrow(/^it is not in a place .*: --allow-url '/);
  });

  it.each(["..", ".", "%2e%2E", ".%2e"])("of an object is refused with %s as a part of its key", (part) => {
    for (const url of [`s3://b/${part}/images/x`, `s3://b/images/y/${part}/x`, `s3://b/images/${part}?region=x`]) {
      expect(() => requireAllowedUrl("it", url, "s3://b/images/top", ["s3://b/"])).toThrow("as a part of its key");
    }
  });

  it.each(["s3://b/images/..x", "s3://b/images/a..b/x.", "s3://b/images/x?endpoint=http://h/../y"])(
    "%s of an object may be opened",
    (url) => {
      const own = url.includes("?") ? "s3://b/images/top?endpoint=http://h/../y" : "s3://b/images/top";
      expect(() => requireAllowedUrl("it", url, own, [])).not.toThrow();
    },
  );

  it("is named without what may be secret, with the option that would allow it", () => {
    expect(() => requireAllowedUrl("it", "https://user:pw@other/store/base?sig=1", undefined, [])).toThrow(
      "it is not in a place that images may name: --allow-url 'https://other/store/' would allow it",
    );
    expect(shownUrl("https://user:pw@other/store/base?sig=1#x")).toBe("https://other/store/base");
  });

  it("must be well-formed", () => {
    expect(() => requireAllowedUrl("it", "https://", OWN, [])).toThrow("it is not a well-formed URL");
  });
});

describe("allowedUrls", () => {
  it("takes options and the variable", () => {
    expect(allowedUrls(["https://a/"], "https://b/ nonsense  https://c/")).toEqual([
      "https://a/",
      "https://b/",
      "https://c/",
    ]);
  });

  it("refuses an option that is no URL", () => {
    expect(() => allowedUrls(["/directory"])).toThrow("--allow-url '/directory': must be a URL");
  });
});
