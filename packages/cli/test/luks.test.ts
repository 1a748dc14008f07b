import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, qemu, scratch } from "./harness.js";

const at = scratch();
const SECRET = ["--object", "secret,id=key,data=correct horse"];
/** Little time, and a small header: the key guards nothing. */
const QUICK = "key-secret=key,iter-time=1,cipher-alg=serpent-128,cipher-mode=cbc";
const HEADER = 528_384;

async function make(name: string, more = ""): Promise<string> {
  const path = at(name);
  const { code, err } = await instar(["create", "-q", ...SECRET, "-f", "luks", "-o", QUICK + more, path, "1M"]);
  expect([code, err]).toEqual([0, ""]);
  return path;
}

function node(path: string): string {
  return `driver=luks,file.filename=${path},key-secret=key`;
}

function described(path: string): string[] {
  return [...SECRET, "--image-opts", node(path)];
}

/** A disk that is zeroes at its beginning, in its middle and at its end. */
function makeRaw(name: string): string {
  const disk = Buffer.alloc(1_048_576);
  disk.fill("some text ", 100_000, 300_000);
  disk.fill(7, 900_000, 1_000_000);
  writeFileSync(at(name), disk);
  return at(name);
}

describe("a plain LUKS image", () => {
  it("is made, and says what it is in the words of qemu-img", async () => {
    const { out } = await instar(["create", ...SECRET, "-f", "luks", "-o", QUICK, at("new"), "1M"]);
    expect(out).toBe(
      `Formatting '${at("new")}', fmt=luks size=1048576 key-secret=key cipher-alg=serpent-128 cipher-mode=cbc iter-time=1\n`,
    );
    expect(statSync(at("new")).size).toBe(HEADER + 1_048_576);
  });

  it("is recognized, and told by info without the secret", async () => {
    const { out } = await instar(["info", await make("told", ",ivgen-alg=essiv")]);
    expect(out).toContain("file format: luks\nvirtual size: 1 MiB (1048576 bytes)\n");
    expect(out).toMatch(
      /\nencrypted: yes\nFormat specific information:\n {4}ivgen alg: essiv\n {4}hash alg: sha256\n {4}cipher alg: serpent-128\n/,
    );
    expect(out).toContain("\n        [0]:\n            active: true\n");
  });

  it("is written and read with a secret", async () => {
    const image = await make("one");
    expect((await instar(["io", ...described(image), "-c", "write -P 65 1000 300k"])).err).toBe("");
    expect((await instar(["io", ...described(image), "-c", "read -P 65 1000 300k"])).out).toContain(
      "read 307200/307200",
    );
    expect(readFileSync(image).includes("AAAAAAAA")).toBe(false);
  });

  it("is converted to and from, zeroes too", async () => {
    const raw = makeRaw("source.raw");
    const options = ["-f", "raw", "-O", "luks", "-o", QUICK];
    expect((await instar(["convert", ...SECRET, ...options, raw, at("target")])).err).toBe("");
    expect((await instar(["compare", ...described(at("target")), `driver=raw,file.filename=${raw}`])).code).toBe(0);
    await instar(["convert", "-O", "raw", ...described(at("target")), at("back.raw")]);
    expect(readFileSync(at("back.raw")).equals(readFileSync(raw))).toBe(true);
  });

  it("grows by zeroes, and shrinks", async () => {
    const image = await make("grown");
    await instar(["io", ...described(image), "-c", "write -P 1 0 1M"]);
    expect((await instar(["resize", ...described(image), "+1M"])).err).toBe("");
    const { out } = await instar(["io", ...described(image), "-c", "read -P 1 0 1M", "-c", "read -P 0 1M 1M"]);
    expect(out).not.toContain("failed");
    expect((await instar(["resize", "--shrink", ...described(image), "512k"])).err).toBe("");
    expect(statSync(image).size).toBe(HEADER + 524_288);
  });

  it("without the secret is not read, and says how it would be", async () => {
    const { code, err } = await instar(["convert", "-O", "raw", await make("locked"), at("plain.raw")]);
    expect(code).toBe(1);
    expect(err).toContain("encrypted with LUKS: --image-opts with driver=luks and key-secret=ID");
    expect(existsSync(at("plain.raw"))).toBe(false);
  });

  it("with a wrong secret says so", async () => {
    const image = await make("wrong");
    const wrong = ["--object", "secret,id=key,data=hunter2", "--image-opts", node(image)];
    const { code, err } = await instar(["io", ...wrong, "-c", "read 0 1"]);
    expect([code, err]).toEqual([1, expect.stringContaining("the passphrase opens no key slot")]);
  });

  it.each([
    ["cipher-alg=aes-256", "key-secret=ID is needed"],
    [`${QUICK},cipher-alg=des`, "cipher-alg 'des'"],
    [`${QUICK},iter-time=soon`, "iter-time 'soon'"],
    [`${QUICK},ivgen-alg=essiv,ivgen-hash-alg=sha1`, 'hash of essiv with serpent-128 "sha1" is not supported'],
    [`${QUICK},encrypt.format=luks`, "luks has no such option"],
  ])("is not made with %s", async (options, message) => {
    const { code, err } = await instar(["create", "-q", ...SECRET, "-f", "luks", "-o", options, at("bad"), "1M"]);
    expect(code).not.toBe(0);
    expect(err).toContain(message);
    expect(existsSync(at("bad"))).toBe(false);
  });

  it("is measured with its header", async () => {
    const { out } = await instar(["measure", "-O", "luks", "-o", QUICK, "--size", "1000000"]);
    expect(out).toBe(`required size: ${HEADER + 1_000_448}\nfully allocated size: ${HEADER + 1_000_448}\n`);
    // What qemu-img 7.2 says, which takes its time: it measures how fast it is.
    expect((await instar(["measure", "-O", "luks", "--size", "1M"])).out).toContain("required size: 3117056\n");
  });

  it("has nothing to check", async () => {
    const { code } = await instar(["check", await make("checked")]);
    expect(code).toBe(63);
  });
});

describe.skipIf(!HAS_QEMU)(`a plain LUKS image and QEMU${NEEDS_QEMU}`, () => {
  it("say the same of it", async () => {
    const image = await make("same", ",ivgen-alg=essiv,ivgen-hash-alg=md5,hash-alg=sha1");
    for (const output of ["human", "json"]) {
      expect((await instar(["info", `--output=${output}`, image])).out).toBe(
        await qemu("qemu-img", "info", `--output=${output}`, image),
      );
    }
    const map = ["map", "--output=json", ...described(image)];
    const theirs: unknown = JSON.parse(await qemu("qemu-img", ...map));
    expect(JSON.parse((await instar(map)).out)).toMatchObject(theirs as object[]);
  });

  it("read what the other wrote", async () => {
    const raw = makeRaw("both.raw");
    await instar(["convert", ...SECRET, "-f", "raw", "-O", "luks", "-o", QUICK, raw, at("ours")]);
    await qemu("qemu-img", "compare", ...described(at("ours")), `driver=raw,file.filename=${raw}`);
    const other = await make("theirs", ",cipher-alg=twofish-256,cipher-mode=xts");
    await qemu(
      "qemu-img",
      "convert",
      "-n",
      ...described(raw).slice(0, 3),
      `driver=raw,file.filename=${raw}`,
      "--target-image-opts",
      node(other),
    );
    const { code } = await instar(["compare", ...described(other), `driver=raw,file.filename=${raw}`]);
    expect(code).toBe(0);
  });
});
