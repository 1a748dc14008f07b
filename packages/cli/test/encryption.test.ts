import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, qemu, scratch } from "./harness.js";

const at = scratch();
const SECRET = ["--object", "secret,id=key,data=correct horse"];
/** Little time, and a small header: the key guards nothing. */
const QUICK = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=1,encrypt.cipher-alg=aes-128";

async function make(name: string, more = ""): Promise<string> {
  const path = at(name);
  const { code, err } = await instar(["create", "-q", ...SECRET, "-f", "qcow2", "-o", QUICK + more, path, "1M"]);
  expect(err).toBe("");
  expect(code).toBe(0);
  return path;
}

function described(path: string): string[] {
  return [...SECRET, "--image-opts", `driver=qcow2,file.filename=${path},encrypt.key-secret=key`];
}

describe("an encrypted image", () => {
  it("is made, written and read with a secret", async () => {
    const image = await make("one.qcow2");
    expect((await instar(["io", ...described(image), "-c", "write -P 65 0 1M"])).err).toBe("");
    const { out } = await instar(["io", ...described(image), "-c", "read -P 65 0 1M"]);
    expect(out).toContain("read 1048576/1048576 bytes");
    expect(readFileSync(image).includes("AAAAAAAA")).toBe(false);
  });

  it("is told by info and looked at by check, without the secret", async () => {
    const image = await make("told.qcow2", ",encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.hash-alg=sha1");
    const { out } = await instar(["info", image]);
    expect(out).toContain("encrypted: yes\ncluster_size: 65536\n");
    expect(out).toMatch(
      /encrypt:\n {8}ivgen alg: essiv\n {8}hash alg: sha1\n {8}cipher alg: aes-128\n {8}uuid: [-0-9a-f]{36}\n {8}ivgen hash alg: sha256\n/,
    );
    expect((await instar(["check", image])).out).toContain("No errors were found on the image.");
  });

  it("without the secret is not read, and says how it would be", async () => {
    const image = await make("locked.qcow2");
    const { code, err } = await instar(["convert", "-f", "qcow2", "-O", "raw", image, at("plain.raw")]);
    expect(code).toBe(1);
    expect(err).toContain("encrypted with LUKS (crypt_method 2): --image-opts with encrypt.key-secret=ID");
    expect(existsSync(at("plain.raw"))).toBe(false);
  });

  it("with a wrong secret says so, and not what it is", async () => {
    const image = await make("wrong.qcow2");
    const [, ...rest] = described(image);
    const { code, err } = await instar([
      "io",
      "--object",
      "secret,id=key,data=hunter2",
      ...rest.slice(1),
      "-c",
      "read 0 1",
    ]);
    expect(code).toBe(1);
    expect(err).toContain("the passphrase opens no key slot");
    expect(err).not.toContain("hunter2");
  });

  it("is converted to and from, the secret out of a file", async () => {
    writeFileSync(at("source.raw"), Buffer.alloc(300_032, 5));
    writeFileSync(at("key"), Buffer.from("correct horse").toString("base64"));
    const secret = ["--object", `secret,id=key,file=${at("key")},format=base64`];
    const target = at("target.qcow2");
    const options = ["-O", "qcow2", "-o", QUICK];
    expect((await instar(["convert", ...secret, "-f", "raw", ...options, at("source.raw"), target])).err).toBe("");
    const image = `driver=qcow2,file.filename=${target},encrypt.key-secret=key`;
    await instar(["convert", ...secret, "--image-opts", "-O", "raw", image, at("back.raw")]);
    expect(readFileSync(at("back.raw")).equals(readFileSync(at("source.raw")))).toBe(true);
  });

  it.each([
    ["encryption=on", "encryption=on: is not safe"],
    ["encrypt.format=aes,encrypt.key-secret=key", "only luks is supported for new images"],
    ["encrypt.format=luks", "encrypt.key-secret=ID is needed"],
    ["encrypt.key-secret=key", "encrypt.format=luks is needed"],
    ["encrypt.format=luks,encrypt.key-secret=other", "there is no secret 'other'"],
    [`${QUICK},encrypt.cipher-alg=camellia-256`, "encrypt.cipher-alg"],
    [`${QUICK},encrypt.iter-time=soon`, "encrypt.iter-time 'soon'"],
    [
      `${QUICK},encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha1`,
      'hash of essiv with aes-128 \\"sha1\\" is not supported',
    ],
    [`${QUICK},data_file=x.raw,data_file_raw=on`, "data_file_raw is true, must be false where the data is encrypted"],
  ])("is not made with %s", async (options, message) => {
    const { code, err } = await instar(["create", "-q", ...SECRET, "-f", "qcow2", "-o", options, at("bad"), "1M"]);
    expect(code).not.toBe(0);
    expect(err).toContain(message.replaceAll("\\", ""));
    expect([existsSync(at("bad")), existsSync(at("x.raw"))]).toEqual([false, false]);
  });

  it.skipIf(!HAS_QEMU)(`is what qemu-img makes of it${NEEDS_QEMU}`, async () => {
    const image = await make("ours.qcow2");
    await instar(["io", ...described(image), "-c", "write -P 7 100k 100k"]);
    const out = await qemu("qemu-io", ...described(image), "-c", "read -P 7 100k 100k", "-c", "write -P 8 0 4k");
    expect(out).toContain("read 102400/102400 bytes");
    expect((await instar(["io", ...described(image), "-c", "read -P 8 0 4k"])).out).toContain("read 4096/4096 bytes");
    const theirs: unknown = JSON.parse(await qemu("qemu-img", "info", "--output=json", image));
    expect(JSON.parse((await instar(["info", "--output=json", image])).out)).toEqual(theirs);
    const lines = (text: string): string => text.replace(/disk size: .*/, "");
    expect(lines((await instar(["info", image])).out)).toBe(lines(await qemu("qemu-img", "info", image)));
    expect((await instar(["check", image])).out).toBe(await qemu("qemu-img", "check", ...described(image)));
  });
});
