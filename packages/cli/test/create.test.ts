import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();

async function virtualSize(file: string): Promise<number> {
  return JSON.parse((await instar(["info", "--output=json", file])).out)["virtual-size"];
}

beforeAll(async () => {
  await instar(["create", "-q", "-f", "qcow2", at("base.qcow2"), "10M"]);
});

describe("create", () => {
  it("makes a raw image, which is as sparse as can be", async () => {
    const { code, out } = await instar(["create", at("a.raw"), "3M"]);
    expect([code, out]).toEqual([0, `Formatting '${at("a.raw")}', fmt=raw size=3145728\n`]);
    expect(statSync(at("a.raw")).size).toBe(3_145_728);
  });

  it("says what it makes in the words of qemu-img", async () => {
    const { out } = await instar(["create", "-f", "qcow2", "-o", "compat=v2,cluster_size=4k", at("b.qcow2"), "5M"]);
    expect(out).toBe(
      `Formatting '${at("b.qcow2")}', fmt=qcow2 cluster_size=4096 extended_l2=off compression_type=zlib ` +
        "size=5242880 compat=v2 lazy_refcounts=off refcount_bits=16\n",
    );
  });

  it("sets space aside", async () => {
    const argv = ["create", "-f", "qcow2", "-o", "preallocation=metadata", at("meta.qcow2"), "5M"];
    expect((await instar(argv)).out).toContain("extended_l2=off preallocation=metadata compression_type=zlib");
    expect((await instar(["check", at("meta.qcow2")])).out).toContain("80/80 = 100.00% allocated");
    expect(statSync(at("meta.qcow2")).size).toBe(327_680 + 5 * 2 ** 20);
  });

  it("makes an image with subclusters", async () => {
    const argv = ["create", "-f", "qcow2", "-o", "extended_l2=on,cluster_size=128k", at("sub.qcow2"), "5M"];
    expect((await instar(argv)).out).toContain("cluster_size=131072 extended_l2=on");
    expect((await instar(["info", at("sub.qcow2")])).out).toContain("    extended l2: true\n");
    const { data } = JSON.parse((await instar(["info", "--output=json", at("sub.qcow2")])).out)["format-specific"];
    expect(data).toMatchObject({ "extended-l2": true });
  });

  it("takes the size from -o, from the argument, or from the backing file", async () => {
    await instar(["create", "-f", "qcow2", "-o", "size=3M", at("c.qcow2")]);
    expect(await virtualSize(at("c.qcow2"))).toBe(3_145_728);
    await instar(["create", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", at("d.qcow2")]);
    expect(await virtualSize(at("d.qcow2"))).toBe(10_485_760);
    expect((await instar(["create", "-f", "qcow2", "-o", "size=3M", at("e.qcow2"), "3M"])).err).toContain("twice");
    expect((await instar(["create", "-f", "qcow2", at("e.qcow2")])).err).toContain("a size is needed");
    expect(existsSync(at("e.qcow2"))).toBe(false);
  });

  it("rounds the size up to whole sectors", async () => {
    await instar(["create", "-f", "qcow2", at("odd.qcow2"), "1000"]);
    expect(await virtualSize(at("odd.qcow2"))).toBe(1024);
  });

  it("prints nothing with -q", async () => {
    expect(await instar(["create", "-q", at("q.raw"), "1M"])).toEqual({ code: 0, out: "", err: "" });
  });

  it("finds the backing file beside the new image, and takes a comma in its name", async () => {
    await instar(["create", "-q", at("a,b.raw"), "2M"]);
    const { code } = await instar([
      "create",
      "-f",
      "qcow2",
      "-o",
      "backing_file=a,,b.raw,backing_fmt=raw",
      at("f.qcow2"),
    ]);
    expect(code).toBe(0);
    expect(JSON.parse((await instar(["info", "--output=json", at("f.qcow2")])).out)).toMatchObject({
      "backing-filename": "a,b.raw",
      "backing-filename-format": "raw",
      "virtual-size": 2_097_152,
    });
  });

  it("does not look at the backing file with -u", async () => {
    const argv = ["create", "-q", "-f", "qcow2", "-b", "gone", "-F", "raw", at("g.qcow2"), "1M"];
    expect((await instar(argv)).err).toContain(`could not open`);
    expect(existsSync(at("g.qcow2"))).toBe(false);
    expect(await instar([...argv, "-u"])).toEqual({ code: 0, out: "", err: "" });
  });

  it("lists the options of a format", async () => {
    expect((await instar(["create", "-f", "qcow2", "-o", "help"])).out).toContain("cluster_size=<size>");
    expect((await instar(["create", "-o", "?"])).out).toContain("Supported raw options");
  });
});

describe("create refuses, and leaves what is there as it was,", () => {
  const refused: [string[], string][] = [
    [["-f", "qcow2", "-o", "cluster_size=100", "FILE", "1M"], "cluster_size is 100, must be a power of two"],
    [["-f", "qcow2", "-o", "cluster_size=4M", "FILE", "1M"], "cluster_size is 4194304, must be a power of two"],
    [["-f", "qcow2", "-o", "refcount_bits=7", "FILE", "1M"], "refcount_bits is 7, must be"],
    [["-f", "qcow2", "-o", "compat=v2,refcount_bits=8", "FILE", "1M"], "refcount_bits is 8, must be 16 in version 2"],
    [["-f", "qcow2", "-o", "compat=v9", "FILE", "1M"], "compat 'v9': must be one of 0.10, 1.1, v2, v3"],
    [["-f", "qcow2", "-o", "foo=1", "FILE", "1M"], "-o foo: qcow2 has no such option"],
    [["-f", "qcow2", "-o", "compression_type=lz4", "FILE", "1M"], "compression_type 'lz4': must be zlib or zstd"],
    [
      ["-f", "qcow2", "-o", "compat=v2,compression_type=zstd", "FILE", "1M"],
      "compression_type is zstd, must be zlib in version 2",
    ],
    [["-f", "qcow2", "-o", "preallocation=some", "FILE", "1M"], "preallocation 'some': must be one of off"],
    [
      ["-f", "qcow2", "-u", "-o", "preallocation=full", "-b", "x", "-F", "raw", "FILE", "1M"],
      "preallocation is full, must be off over a backing image",
    ],
    [
      ["-f", "qcow2", "-o", "compat=v2,lazy_refcounts=on", "FILE", "1M"],
      "lazy_refcounts is true, must be false in version 2",
    ],
    [["-f", "qcow2", "-o", "extended_l2=yes", "FILE", "1M"], "extended_l2 'yes': must be on or off"],
    [["-f", "qcow2", "-o", "extended_l2=on,cluster_size=8k", "FILE", "1M"], "extended_l2 is true, must be false"],
    [["-f", "raw", "-o", "cluster_size=1k", "FILE", "1M"], "-o cluster_size: raw has no such option"],
    [["-f", "qcow2", "FILE", "1Z"], "invalid size '1Z'"],
    [["-f", "qcow2", "FILE", "--", "-1"], "invalid size '-1'"],
    [["-f", "qcow2", "FILE", "8E"], "is too large"],
    [["FILE", "1M", "extra"], "unexpected argument 'extra'"],
    [["-f", "bogus", "FILE", "1M"], "unknown file format 'bogus'"],
    [["-f", "qcow2", "-F", "raw", "FILE", "1M"], "needs a backing file"],
    [["-f", "raw", "-b", "base.qcow2", "-F", "qcow2", "FILE", "1M"], "format raw has no backing file"],
    [["-f", "qcow2", "-b", "base.qcow2", "FILE", "1M"], "a backing file needs its format"],
    [["-f", "qcow2", "-b", "FILE", "-F", "raw", "FILE", "1M"], "would be destroyed"],
    [["-f", "qcow2", "-b", "nbd://x/y", "-F", "raw", "FILE", "1M"], "nbd: name, which is not supported"],
  ];

  it.each(refused)("%j", async (argv, message) => {
    writeFileSync(at("kept"), "precious");
    const { code, out, err } = await instar([
      "create",
      "-q",
      ...argv.map((word) => (word === "FILE" ? at("kept") : word)),
    ]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(message);
    expect(err.split("\n")).toHaveLength(2);
    expect(readFileSync(at("kept"), "utf8")).toBe("precious");
  });

  it.each(refused)("and makes nothing: %j", async (argv) => {
    await instar(["create", "-q", ...argv.map((word) => (word === "FILE" ? at("new") : word))]);
    expect(existsSync(at("new"))).toBe(false);
  });

  it("where the directory does not exist", async () => {
    const { code, err } = await instar(["create", "-q", at("no/where"), "1M"]);
    expect(code).toBe(1);
    expect(err).toContain("no such file or directory");
  });
});

describe.skipIf(!HAS_QEMU)(`qemu-img takes what create has made ${NEEDS_QEMU}`, () => {
  const matrix = ["v2", "v3"].flatMap((compat) =>
    ["512", "4k", "64k", "2M"].flatMap((cluster) =>
      (compat === "v2" ? ["16"] : ["1", "16", "64"]).map((bits) => [compat, cluster, bits] as const),
    ),
  );

  it("compression_type=zstd, lazy_refcounts=on", async () => {
    const argv = ["create", "-f", "qcow2", "-o", "compression_type=zstd,lazy_refcounts=on"];
    const ours = await instar([...argv, at("ours"), "100M"]);
    expect(ours.out).toBe((await qemu("qemu-img", ...argv, at("theirs"), "100M")).replace(at("theirs"), at("ours")));
    const info = (await instar(["info", at("ours")])).out;
    expect(info).toContain("    compression type: zstd\n    lazy refcounts: true\n");
    expect((await program("qemu-img", ["compare", at("ours"), at("theirs")])).code).toBe(0);
  });

  it.each(matrix)("compat=%s, cluster_size=%s, refcount_bits=%s", async (compat, cluster, bits) => {
    const options = `compat=${compat},cluster_size=${cluster},refcount_bits=${bits}`;
    const ours = await instar(["create", "-f", "qcow2", "-o", options, at("ours"), "100M"]);
    const theirs = await qemu("qemu-img", "create", "-f", "qcow2", "-o", options, at("theirs"), "100M");
    expect(ours.out).toBe(theirs.replace(at("theirs"), at("ours")));
    expect((await program("qemu-img", ["check", at("ours")])).code).toBe(0);
    const [info, theirInfo] = await Promise.all(
      [at("ours"), at("theirs")].map(async (file) => JSON.parse(await qemu("qemu-img", "info", "--output=json", file))),
    );
    expect(info["format-specific"]).toEqual(theirInfo["format-specific"]);
    expect(info["virtual-size"]).toBe(theirInfo["virtual-size"]);
    expect(info["cluster-size"]).toBe(theirInfo["cluster-size"]);
  });

  it("with a backing file, and says so in the same line", async () => {
    const argv = ["create", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", at("same")];
    const { out } = await instar(argv);
    expect((await program("qemu-img", ["info", "--backing-chain", at("same")])).code).toBe(0);
    expect(out).toBe(await qemu("qemu-img", ...argv));
  });
});
