import { copyFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
const SECRETS = ["k=one", "n=two", "t=three", "empty="].flatMap((secret) => {
  const [id, data] = secret.split("=");
  return ["--object", `secret,id=${id},data=${data}`];
});
const LUKS = "encrypt.format=luks,encrypt.key-secret=k,encrypt.iter-time=1,encrypt.cipher-alg=aes-128";

/** The image, named with the secret that opens it. */
function opened(path: string, secret: string): string[] {
  return [...SECRETS, "--image-opts", `driver=qcow2,file.filename=${path},encrypt.key-secret=${secret}`];
}

function amend(path: string, options: string): string[] {
  return ["amend", "-o", options, ...opened(path, "k")];
}

/** Which secrets open an image. */
async function opening(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const secret of ["k", "n", "t"]) {
    if ((await instar(["io", ...opened(path, secret), "-c", "read -q -P 65 0 1M"])).code === 0) found.push(secret);
  }
  return found;
}

async function copyOf(name: string): Promise<string> {
  copyFileSync(at("luks.qcow2"), at(name));
  return at(name);
}

beforeAll(async () => {
  await instar(["create", "-q", ...SECRETS, "-f", "qcow2", "-o", LUKS, at("luks.qcow2"), "1M"]);
  await instar(["io", ...opened(at("luks.qcow2"), "k"), "-c", "write -P 65 0 1M"]);
});

describe("amend of an encrypted image", () => {
  it("adds passphrases, and removes them", async () => {
    const disk = await copyOf("disk.qcow2");
    const active = "encrypt.state=active,encrypt.iter-time=1";
    expect(await instar(amend(disk, `${active},encrypt.new-secret=n`))).toEqual({ code: 0, out: "", err: "" });
    await instar(amend(disk, `${active},encrypt.new-secret=t,encrypt.keyslot=5`));
    expect(await opening(disk)).toEqual(["k", "n", "t"]);
    expect((await instar(["info", disk])).out.match(/active: true/g)).toHaveLength(3);
    await instar(amend(disk, "encrypt.state=inactive,encrypt.old-secret=n"));
    expect(await opening(disk)).toEqual(["k", "t"]);
    await instar(amend(disk, "encrypt.state=inactive,encrypt.keyslot=5,encrypt.old-secret=t"));
    expect(await opening(disk)).toEqual(["k"]);
  });

  const CASES = [
    "encrypt.state=active",
    "encrypt.state=active,encrypt.new-secret=t,encrypt.keyslot=0",
    "encrypt.state=active,encrypt.new-secret=t,encrypt.keyslot=9",
    "encrypt.state=active,encrypt.new-secret=t,encrypt.old-secret=k",
    "encrypt.state=active,encrypt.new-secret=unknown",
    "encrypt.state=inactive",
    "encrypt.state=inactive,encrypt.new-secret=t",
    "encrypt.state=inactive,encrypt.old-secret=unknown",
    "encrypt.state=inactive,encrypt.iter-time=4,encrypt.old-secret=k",
    "encrypt.state=inactive,encrypt.old-secret=n",
    "encrypt.state=inactive,encrypt.keyslot=3,encrypt.old-secret=k",
    "encrypt.state=inactive,encrypt.keyslot=3",
    "encrypt.state=inactive,encrypt.keyslot=0",
    "encrypt.state=inactive,encrypt.old-secret=k",
    "encrypt.new-secret=n",
    "encrypt.state=other",
    "encrypt.state=inactive,encrypt.keyslot=x",
    "encrypt.format=luks,encrypt.state=active,encrypt.new-secret=n",
  ];

  it.each(CASES)("refuses %s, in one line, and leaves the passphrase", async (options) => {
    const disk = await copyOf("refused.qcow2");
    const { code, out, err } = await instar(amend(disk, options));
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^instar: amend: [^\n]+\n$/);
    expect(await opening(disk)).toEqual(["k"]);
    if (HAS_QEMU) expect((await program("qemu-img", amend(disk, options))).code).toBe(1);
  });

  it("wants a passphrase that opens the image for a new one, and one that is not empty", async () => {
    const disk = await copyOf("plain.qcow2");
    const adding = "encrypt.state=active,encrypt.new-secret=n";
    expect((await instar(["amend", ...SECRETS, "-o", adding, disk])).err).toContain("encrypt.key-secret");
    expect((await instar(amend(disk, adding.replace("=n", "=empty")))).err).toContain("'empty' is empty");
    await instar(["create", "-q", "-f", "qcow2", at("open.qcow2"), "1M"]);
    const { err } = await instar(["amend", ...SECRETS, "-o", adding, at("open.qcow2")]);
    expect(err).toBe("instar: amend: Can't amend encryption options - encryption not present\n");
  });

  it.runIf(HAS_QEMU)(`does what QEMU reads, and the other way round ${NEEDS_QEMU}`, async () => {
    const disk = await copyOf("both.qcow2");
    await instar(amend(disk, "encrypt.state=active,encrypt.iter-time=1,encrypt.new-secret=n"));
    await qemu("qemu-io", ...opened(disk, "n"), "-c", "read -P 65 0 1M");
    await qemu("qemu-img", ...amend(disk, "encrypt.state=active,encrypt.iter-time=1,encrypt.new-secret=t"));
    await qemu("qemu-img", ...amend(disk, "encrypt.state=inactive,encrypt.old-secret=n"));
    expect(await opening(disk)).toEqual(["k", "t"]);
  });
});
