import { BackendRegistry } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { S3Address, type S3Location } from "../src/address.js";
import { parseS3Url, s3Plugin } from "../src/index.js";
import { pattern } from "./disks.js";
import { startSmallStore } from "./small-store.js";

const url = (location: Partial<S3Location>): string => {
  const address = new S3Address({ bucket: "disks", key: "a/b c.img", ...location });
  return address.origin + address.path();
};

describe("the URL of an object", () => {
  it.each<[string, Partial<S3Location>]>([
    ["https://disks.s3.us-east-1.amazonaws.com/a/b%20c.img", {}],
    ["https://disks.s3.eu-west-3.amazonaws.com/a/b%20c.img", { region: "eu-west-3" }],
    ["https://disks.s3.cn-north-1.amazonaws.com.cn/a/b%20c.img", { region: "cn-north-1" }],
    ["https://s3.us-east-1.amazonaws.com/my.disks/a/b%20c.img", { bucket: "my.disks" }],
    ["https://s3.us-east-1.amazonaws.com/disks/a/b%20c.img", { addressing: "path" }],
    ["http://127.0.0.1:7480/disks/a/b%20c.img", { endpoint: "http://127.0.0.1:7480/" }],
    ["https://store.example/s3/disks/a/b%20c.img", { endpoint: "https://store.example/s3/" }],
    ["https://disks.store.example/a/b%20c.img", { endpoint: "https://store.example", addressing: "virtual" }],
    ["https://disks.s3.us-east-1.amazonaws.com/%C3%A9/..//%2B%27%28%29%2A%21~?".slice(0, -1), { key: "é/..//+'()*!~" }],
  ])("is %s", (expected, location) => {
    expect(url(location)).toBe(expected);
  });

  it.each<[string, Partial<S3Location>]>([
    ["/", {}],
    ["/disks", { addressing: "path" }],
    ["/s3", { endpoint: "https://store.example/s3/", addressing: "virtual" }],
    ["/s3/disks", { endpoint: "https://store.example/s3/" }],
  ])("has the bucket at %s", (expected, location) => {
    expect(new S3Address({ bucket: "disks", key: "x", ...location }).bucketPath).toBe(expected);
  });

  it("takes the region from an endpoint of AWS", () => {
    const endpoint = "https://s3.ap-south-1.amazonaws.com";
    expect(new S3Address({ bucket: "disks", key: "x", endpoint }).region).toBe("ap-south-1");
  });

  it.each<Partial<S3Location>>([
    { bucket: "" },
    { bucket: "a/b" },
    { bucket: "a..b" },
    { bucket: "host@evil" },
    { key: "" },
    { key: "x".repeat(1025) },
    { key: "\ud800" },
    { region: "eu west" },
    { region: "evil.example/" },
    { endpoint: "ftp://x" },
    { endpoint: "https://me:hunter2@store.example" },
    { endpoint: "https://store.example/?hunter2" },
    { endpoint: "hunter2" },
  ])("is refused for %j", (location) => {
    let message = "";
    try {
      url(location);
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_UNSUPPORTED" });
      message = String(error);
    }
    expect(message).not.toBe("");
    expect(message).not.toContain("hunter2");
  });
});

describe("an s3: URL", () => {
  it.each<[string, S3Location]>([
    ["s3://b/k", { bucket: "b", key: "k" }],
    ["S3://b/dir/k#1", { bucket: "b", key: "dir/k#1" }],
    ["s3://b/a%20%3F+", { bucket: "b", key: "a ?+" }],
    [
      "s3://b/k?endpoint=http://127.0.0.1:7480&region=eu&addressing=virtual",
      { bucket: "b", key: "k", endpoint: "http://127.0.0.1:7480", region: "eu", addressing: "virtual" },
    ],
    ["s3://b/k?endpoint=https%3A%2F%2Fx%2Fy", { bucket: "b", key: "k", endpoint: "https://x/y" }],
  ])("%s is taken apart", (location, expected) => {
    expect(parseS3Url(location)).toEqual(expected);
  });

  it.each(["s3:b/k", "s3://b", "s3://b/", "s3:///k", "s3://b/%zz", "s3://b/k?secret=x", "s3://b/k?addressing=x"])(
    "%s is refused",
    (location) => {
      expect(() => parseS3Url(location)).toThrow(expect.objectContaining({ code: "ERR_UNSUPPORTED" }));
    },
  );

  it("is opened by the plugin, and its endpoint goes before that of the options", async () => {
    const store = await startSmallStore();
    store.put("bucket/a b", pattern(100));
    const registry = new BackendRegistry([s3Plugin({ endpoint: "http://127.0.0.1:1" })]);
    const disk = await registry.open(`s3://bucket/a%20b?endpoint=${store.endpoint}`);
    expect([disk.name, disk.size]).toEqual(["s3://bucket/a b", 100]);
    await disk.close();
  });
});
