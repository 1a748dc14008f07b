import { symlinkSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, instarProcess, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();

beforeAll(async () => {
  expect((await instar(["create", "-q", "-f", "qcow2", at("base.qcow2"), "10M"])).err).toBe("");
  await instar(["create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", at("top.qcow2"), "20M"]);
  await instar(["create", "-q", "-f", "qcow2", "-o", "compat=v2,cluster_size=4k", at("old.qcow2"), "5M"]);
  writeFileSync(at("odd.raw"), "x".repeat(1000));
});

describe("info", () => {
  it("tells people what an image is", async () => {
    const { code, out } = await instar(["info", at("top.qcow2")]);
    expect(code).toBe(0);
    expect(out.replace(/disk size: .*/, "disk size: N")).toBe(
      `image: ${at("top.qcow2")}
file format: qcow2
virtual size: 20 MiB (20971520 bytes)
disk size: N
cluster_size: 65536
backing file: base.qcow2 (actual path: ${at("base.qcow2")})
backing file format: qcow2
Format specific information:
    compat: 1.1
    compression type: zlib
    lazy refcounts: false
    refcount bits: 16
    corrupt: false
    extended l2: false
`,
    );
  });

  it("tells programs what an image is", async () => {
    const { out } = await instar(["info", "--output=json", at("old.qcow2")]);
    expect(JSON.parse(out)).toEqual({
      "virtual-size": 5_242_880,
      filename: at("old.qcow2"),
      "cluster-size": 4096,
      format: "qcow2",
      "actual-size": expect.any(Number),
      "format-specific": {
        type: "qcow2",
        data: { compat: "0.10", "compression-type": "zlib", "refcount-bits": 16 },
      },
      "dirty-flag": false,
    });
  });

  it("counts a raw image in whole sectors", async () => {
    const { out } = await instar(["info", "--output=json", at("odd.raw")]);
    expect(JSON.parse(out)).toMatchObject({ "virtual-size": 1024, format: "raw" });
  });

  it("takes the format that is named, whatever the content", async () => {
    const { out } = await instar(["info", "-f", "raw", "--output=json", at("base.qcow2")]);
    expect(JSON.parse(out).format).toBe("raw");
    expect((await instar(["info", "-f", "qcow2", at("odd.raw")])).code).toBe(1);
    expect((await instar(["info", "-f", "vmdkx", at("odd.raw")])).err).toBe(
      "instar: info: unknown file format 'vmdkx' (known: luks, qcow2, raw, vdi, vhdx, vmdk, vpc)\n",
    );
  });

  it("needs the backing file for the whole chain only", async () => {
    await instar(["create", "-q", "-f", "qcow2", "-u", "-b", "gone", "-F", "raw", at("orphan.qcow2"), "1M"]);
    expect((await instar(["info", at("orphan.qcow2")])).out).toContain("backing file: gone");
    const { code, err } = await instar(["info", "--backing-chain", at("orphan.qcow2")]);
    expect(code).toBe(1);
    expect(err).toContain(`its backing file 'gone' could not be found at '${at("gone")}'`);
  });

  it("understands file: names", async () => {
    for (const name of [`file:${at("base.qcow2")}`, `file://${at("base.qcow2")}`]) {
      expect((await instar(["info", name])).out).toContain("file format: qcow2");
    }
  });
});

describe.skipIf(!HAS_QEMU)(`info says what qemu-img says ${NEEDS_QEMU}`, () => {
  beforeAll(async () => {
    symlinkSync("top.qcow2", at("link.qcow2"));
    await qemu(
      "qemu-img",
      "create",
      "-q",
      "-f",
      "qcow2",
      "-o",
      "lazy_refcounts=on,refcount_bits=8",
      at("lazy.qcow2"),
      "1G",
    );
    await qemu("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "nbd://h/x", "-F", "raw", at("far.qcow2"), "1M");
    await qemu("qemu-img", "create", "-q", "-f", "qcow2", at("kept.qcow2"), "1M");
    await qemu("qemu-img", "snapshot", "-c", "short", at("kept.qcow2"));
    await qemu("qemu-img", "create", "-q", "-f", "qcow2", at("bitmaps.qcow2"), "1M");
    await qemu("qemu-img", "bitmap", "--add", at("bitmaps.qcow2"), "on");
    await qemu("qemu-img", "bitmap", "--add", "--disable", "-g", "4k", at("bitmaps.qcow2"), "off");
    await qemu("qemu-img", "snapshot", "-c", "a name that is longer than its column", at("kept.qcow2"));
  });

  const files = [
    "base.qcow2",
    "top.qcow2",
    "old.qcow2",
    "odd.raw",
    "link.qcow2",
    "lazy.qcow2",
    "far.qcow2",
    "kept.qcow2",
    "bitmaps.qcow2",
  ];

  it.each(files)("of %s, for programs", async (file) => {
    const ours = await instar(["info", "--output=json", at(file)]);
    expect(JSON.parse(ours.out)).toEqual(JSON.parse(await qemu("qemu-img", "info", "--output=json", at(file))));
  });

  it.each(files)("of %s, for people", async (file) => {
    const ours = await instar(["info", at(file)]);
    expect(ours.out).toBe(await qemu("qemu-img", "info", at(file)));
  });

  it("of a chain, for both", async () => {
    const chain = ["--backing-chain", at("top.qcow2")];
    const ours = await instar(["info", "--output=json", ...chain]);
    expect(JSON.parse(ours.out)).toEqual(JSON.parse(await qemu("qemu-img", "info", "--output=json", ...chain)));
    expect((await instar(["info", ...chain])).out).toBe(await qemu("qemu-img", "info", ...chain));
  });

  it.each([
    ['json:{"file":{"driver":"file","filename":"PATH"}}'],
    ["file:PATH"],
    ["--image-opts", "driver=qcow2,file.driver=file,file.filename=PATH"],
  ])("of a description: %s %s", async (...argv) => {
    const described = argv.map((word) => word.replace("PATH", at("top.qcow2")));
    expect((await instar(["info", ...described])).out).toBe(await qemu("qemu-img", "info", ...described));
  });

  it("of relative names", async () => {
    const argv = ["info", "--backing-chain", "--output=json", "./top.qcow2"];
    const ours = await instarProcess(argv, at());
    const theirs = await program("qemu-img", argv, { cwd: at() });
    expect(JSON.parse(ours.out)).toEqual(JSON.parse(theirs.out));
  });
});
