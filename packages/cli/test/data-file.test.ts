import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, qemu, scratch } from "./harness.js";

const at = scratch();

/** Makes an image with a data file beside it. */
async function make(name: string, more = ""): Promise<string> {
  const options = `data_file=${name}.raw${more}`;
  const { code, err } = await instar(["create", "-q", "-f", "qcow2", "-o", options, at(`${name}.qcow2`), "1M"]);
  expect(err).toBe("");
  expect(code).toBe(0);
  return at(`${name}.qcow2`);
}

describe("data_file", () => {
  it("keeps the content of the disk in a file beside the image", async () => {
    const image = await make("plain");
    expect((await instar(["io", "-c", "write -P 7 64k 4k", image])).code).toBe(0);
    const data = readFileSync(at("plain.raw"));
    expect(data.byteLength).toBe(1_048_576);
    expect(new Set(data.subarray(65_536, 69_632))).toEqual(new Set([7]));
    expect((await instar(["io", "-c", "read -P 7 64k 4k", image])).out).toContain("read 4096/4096 bytes");
    expect((await instar(["check", image])).out).toContain("No errors were found on the image.");
    expect((await instar(["map", image])).out).toContain(at("plain.raw"));
    expect(statSync(image).size).toBeLessThan(400_000);
  });

  it("is told by info, which does not open it", async () => {
    const image = await make("told", ",data_file_raw=on");
    const before = (await instar(["info", image])).out;
    expect(before).toContain(
      "    refcount bits: 16\n    data file: told.raw\n    data file raw: true\n    corrupt: false\n",
    );
    const { out } = await instar(["info", "--output=json", image]);
    expect(JSON.parse(out)["format-specific"].data).toMatchObject({ "data-file": "told.raw", "data-file-raw": true });
    await instar(["create", "-q", "-f", "raw", at("told.raw"), "0"]);
    expect((await instar(["info", image])).code).toBe(0);
  });

  it("with data_file_raw is the disk by itself", async () => {
    const image = await make("raw", ",data_file_raw=on");
    await instar(["io", "-c", "write -P 7 0 1M", "-c", "write -z 4k 8k", image]);
    expect((await instar(["compare", "-f", "qcow2", "-F", "raw", image, at("raw.raw")])).out).toBe(
      "Images are identical.\n",
    );
    await instar(["resize", "-q", image, "+1M"]);
    expect(statSync(at("raw.raw")).size).toBe(2_097_152);
  });

  it("is converted to", async () => {
    writeFileSync(at("source.raw"), Buffer.alloc(1_000_448, 5));
    const target = at("converted.qcow2");
    const options = ["-o", "data_file=converted.raw,data_file_raw=on"];
    expect((await instar(["convert", "-f", "raw", "-O", "qcow2", ...options, at("source.raw"), target])).err).toBe("");
    expect(readFileSync(at("converted.raw")).equals(readFileSync(at("source.raw")))).toBe(true);
  });

  it("is repeated as qemu-img repeats it", async () => {
    const { out } = await instar([
      "create",
      "-f",
      "qcow2",
      "-o",
      "data_file=line.raw,data_file_raw=on",
      at("line"),
      "1M",
    ]);
    expect(out).toBe(
      `Formatting '${at("line")}', fmt=qcow2 cluster_size=65536 extended_l2=off compression_type=zlib size=1048576 ` +
        "data_file=line.raw data_file_raw=on lazy_refcounts=off refcount_bits=16\n",
    );
  });

  it.each([
    ["data_file_raw=on", "data_file_raw=on needs data_file"],
    ["data_file=x.raw,compat=v2", "data_file is x.raw, must be absent in version 2"],
    ["data_file=none/x.raw", "none/x.raw"],
    ["data_file=https://host/x", "only local files can be written"],
    ["data_file=bad.qcow2", "is the image itself"],
  ])("%s is refused, and nothing is left", async (options, message) => {
    const { code, err } = await instar(["create", "-q", "-f", "qcow2", "-o", options, at("bad.qcow2"), "1M"]);
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect([existsSync(at("bad.qcow2")), existsSync(at("x.raw"))]).toEqual([false, false]);
  });

  it.each([
    ['json:{"driver":"file","filename":"/etc/passwd"}', "lies outside of"],
    ["/etc/passwd", "lies outside of"],
    ["../outside.raw", "lies outside of"],
    ["https://127.0.0.1:1/x", "--allow-url"],
  ])("CVE-2024-4467, CVE-2024-32498: an image does not get at %s by naming it", async (name, message) => {
    mkdirSync(at("inside"), { recursive: true });
    writeFileSync(at("outside.raw"), "secret");
    const image = at("inside/image.qcow2");
    const { Qcow2Image } = await import("@instar/qcow2");
    const { FsBackend } = await import("@instar/backend-fs");
    const { MemoryBackend } = await import("@instar/backend");
    const dataFile = { name, raw: true, backend: new MemoryBackend() };
    const file = await FsBackend.open(image, { write: true, create: "replace" });
    await (await Qcow2Image.create(file, { size: 65_536, dataFile })).close();
    const { code, err } = await instar(["convert", "-f", "qcow2", "-O", "raw", image, at("stolen.raw")]);
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(existsSync(at("stolen.raw"))).toBe(false);
    expect((await instar(["info", "-f", "qcow2", image])).code).toBe(0);
  });

  it.skipIf(!HAS_QEMU)(`is what qemu-img makes of it${NEEDS_QEMU}`, async () => {
    const image = await make("ours", ",data_file_raw=on");
    await instar(["io", "-c", "write -P 7 100k 100k", image]);
    const opts = `driver=qcow2,file.filename=${image},data-file.filename=${at("ours.raw")}`;
    expect(await qemu("qemu-io", "--image-opts", opts, "-c", "read -P 7 100k 100k")).toContain(
      "read 102400/102400 bytes",
    );
    const [theirs, ours] = [
      JSON.parse(await qemu("qemu-img", "info", "--output=json", image)),
      JSON.parse((await instar(["info", "--output=json", image])).out),
    ];
    expect(ours).toEqual(theirs);
  });
});
