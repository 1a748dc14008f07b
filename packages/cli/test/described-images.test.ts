import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, qemu, scratch } from "./harness.js";

const at = scratch();
const MIB = 1_048_576;

beforeAll(async () => {
  writeDisk(at("disk.raw"), 2 * MIB, SEED);
  await instar(["convert", "-O", "qcow2", at("disk.raw"), at("disk.qcow2")]);
  await instar(["create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", at("over.qcow2")]);
  // As in an archive: something, the image, something.
  writeFileSync(at("archive"), Buffer.alloc(1024, 7));
  appendFileSync(at("archive"), readFileSync(at("disk.qcow2")));
  appendFileSync(at("archive"), Buffer.alloc(1024, 7));
});

const jsonOf = (description: object): string => `json:${JSON.stringify(description)}`;

describe("an image that is described", () => {
  it.each([
    ["nested", { driver: "qcow2", file: { driver: "file", filename: "FILE" } }],
    ["flat", { driver: "qcow2", "file.driver": "file", "file.filename": "FILE" }],
    ["without a driver", { file: { filename: "FILE" } }],
  ])("in JSON, %s", async (_how, description) => {
    const name = jsonOf(description).replaceAll("FILE", at("over.qcow2"));
    expect((await instar(["compare", name, at("disk.raw")])).out).toBe("Images are identical.\n");
  });

  it("by options, for every command that reads", async () => {
    const options = `driver=qcow2,file.filename=${at("over.qcow2")}`;
    expect((await instar(["info", "--image-opts", options])).out).toContain(`image: ${at("over.qcow2")}`.slice(0, 6));
    expect((await instar(["map", "--image-opts", options])).code).toBe(0);
    expect((await instar(["check", "--image-opts", options])).code).toBe(0);
    expect((await instar(["measure", "-O", "raw", "--image-opts", options])).code).toBe(0);
    const raw = `driver=raw,file.filename=${at("disk.raw")}`;
    expect((await instar(["compare", "--image-opts", options, raw])).out).toBe("Images are identical.\n");
    expect((await instar(["convert", "--image-opts", options, at("out.raw")])).code).toBe(0);
    expect(readFileSync(at("out.raw")).equals(readFileSync(at("disk.raw")))).toBe(true);
    expect((await instar(["io", "--image-opts", "-c", "read -q 0 1M", options])).code).toBe(0);
  });

  it("can be what is converted into", async () => {
    await instar(["create", "-q", "-f", "qcow2", at("target.qcow2"), "2M"]);
    const target = `driver=qcow2,file.filename=${at("target.qcow2")}`;
    const argv = ["convert", "-n", "--target-image-opts", at("disk.raw"), target];
    expect(await instar(argv)).toMatchObject({ code: 0, err: "" });
    expect((await instar(["compare", at("target.qcow2"), at("disk.raw")])).out).toBe("Images are identical.\n");
    const itself = ["convert", "-n", "--target-image-opts", at("target.qcow2"), target];
    expect((await instar(itself)).err).toContain("is in use as a source");
    const options = `file.filename=${at("disk.raw")}`;
    expect((await instar(["convert", "-n", "--image-opts", "-O", "qcow2", options, at("target.qcow2")])).code).toBe(0);
    expect((await instar(["convert", "--target-image-opts", at("disk.raw"), target])).err).toContain(
      "requires use of -n",
    );
  });

  it("cannot have its format named twice", async () => {
    const { code, err } = await instar(["info", "--image-opts", "-f", "qcow2", `file.filename=${at("disk.qcow2")}`]);
    expect([code, err]).toEqual([1, expect.stringContaining("--image-opts names the format itself")]);
  });

  it("may be a part of a file", async () => {
    const size = readFileSync(at("disk.qcow2")).byteLength;
    const name = jsonOf({
      driver: "qcow2",
      file: { driver: "raw", offset: 1024, size, file: { filename: at("archive") } },
    });
    expect((await instar(["compare", name, at("disk.raw")])).out).toBe("Images are identical.\n");
    const raw = jsonOf({ driver: "raw", offset: 512, size: 512, file: { filename: at("archive") } });
    expect((await instar(["io", "-r", "-c", "read -P 7 0 512", raw])).code).toBe(0);
    expect((await instar(["io", "-r", "-c", "read 512 1", raw])).code).toBe(1);
    const past = jsonOf({ driver: "raw", offset: 512, size: 2 ** 40, file: { filename: at("archive") } });
    expect((await instar(["info", past])).err).toContain("must lie within the");
  });

  it("keeps within a part what is written", async () => {
    copyFileSync(at("archive"), at("written"));
    const part = `driver=raw,offset=512,size=512,file.filename=${at("written")}`;
    expect((await instar(["io", "--image-opts", "-c", "write -q -P 9 0 512", part])).code).toBe(0);
    expect((await instar(["io", "--image-opts", "-c", "write -q -P 9 256 512", part])).code).toBe(1);
    const expected = readFileSync(at("archive"));
    expected.fill(9, 512, 1024);
    expect(readFileSync(at("written")).equals(expected)).toBe(true);
  });

  it("may have another image below, or none", async () => {
    await instar(["create", "-q", at("zeroes.raw"), "2M"]);
    const over = { driver: "qcow2", file: { filename: at("over.qcow2") } };
    const other = jsonOf({ ...over, backing: { driver: "raw", file: { filename: at("zeroes.raw") } } });
    expect((await instar(["compare", other, at("zeroes.raw")])).out).toBe("Images are identical.\n");
    const none = jsonOf({ ...over, backing: null });
    expect((await instar(["compare", none, at("zeroes.raw")])).out).toBe("Images are identical.\n");
  });

  it("that is read-only is not written to", async () => {
    const name = `driver=qcow2,read-only=on,file.filename=${at("disk.qcow2")}`;
    expect((await instar(["io", "--image-opts", "-c", "write 0 1", name])).err).toContain("read-only=on");
  });
});

describe("a description that an image gives", () => {
  async function over(top: string, backing: object): Promise<string> {
    const argv = ["create", "-q", "-u", "-f", "qcow2", "-b", jsonOf(backing), "-F", "qcow2", at(top), "2M"];
    expect((await instar(argv)).err).toBe("");
    return at(top);
  }

  it("goes through the gate", async () => {
    const base = { driver: "qcow2", file: { driver: "file", filename: at("disk.qcow2") } };
    expect((await instar(["compare", await over("own.qcow2", base), at("disk.raw")])).out).toContain("identical");
    mkdirSync(at("images"));
    const top = await over("images/top.qcow2", base);
    const { err } = await instar(["map", top]);
    expect(err).toContain(`lies outside of '${at("images")}': --allow-path '${at()}' would allow it`);
    expect((await instar(["compare", "--allow-path", at(), top, at("disk.raw")])).code).toBe(0);
  });

  it("goes through the gate with all that is below", async () => {
    writeFileSync(at("images/raw"), Buffer.alloc(2 * MIB));
    copyFileSync(at("over.qcow2"), at("images/over.qcow2"));
    const nested = {
      driver: "qcow2",
      file: { filename: at("images/over.qcow2") },
      backing: { driver: "raw", file: { filename: at("disk.raw") } },
    };
    const { err } = await instar(["map", await over("images/nested.qcow2", nested)]);
    expect(err).toContain(`lies outside of '${at("images")}'`);
    const part = { driver: "raw", offset: 0, size: 512, file: { filename: at("disk.raw") } };
    expect((await instar(["map", await over("images/part.qcow2", part)])).err).toContain("lies outside of");
  });

  it("that is a loop is refused", async () => {
    const top = await over("loop.qcow2", { driver: "qcow2", file: { filename: at("loop.qcow2") } });
    expect((await instar(["map", top])).err).toContain("is a loop");
  });
});

describe.skipIf(!HAS_QEMU)(`descriptions mean what they mean to qemu-img ${NEEDS_QEMU}`, () => {
  it.each([
    ["file.filename=FILE"],
    ["driver=qcow2,file.driver=file,file.filename=FILE"],
    ["driver=raw,file.filename=FILE"],
    ["driver=raw,offset=512,size=1024,file.filename=FILE"],
    ["driver=qcow2,file.driver=raw,file.offset=0,file.file.filename=FILE,read-only=on"],
    ["driver=qcow2,backing.driver=raw,backing.file.filename=DISK,file.filename=FILE"],
  ])("%s", async (text) => {
    const options = text.replace("FILE", at("over.qcow2")).replace("DISK", at("disk.raw"));
    await qemu("qemu-img", "convert", "--image-opts", "-O", "raw", options, at("theirs.raw"));
    expect((await instar(["convert", "--image-opts", "-O", "raw", options, at("ours.raw")])).err).toBe("");
    expect(readFileSync(at("ours.raw")).equals(readFileSync(at("theirs.raw")))).toBe(true);
  });
});
