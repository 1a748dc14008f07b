import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, instarProcess, NEEDS_QEMU, type Outcome, program, scratch } from "./harness.js";

const at = scratch();

/** Runs a shell line that finds the wrappers. */
function shell(line: string, bin = "bin"): Promise<Outcome> {
  const script = `PATH='${at(bin)}':$PATH\n${line}`;
  return program("bash", ["--norc", "-c", script], { cwd: at("work") });
}

beforeAll(async () => {
  mkdirSync(at("work"));
  expect(await instarProcess(["wrappers", at("bin")])).toMatchObject({
    code: 0,
    out: `${at("bin/qemu-img")}\n${at("bin/qemu-io")}\n`,
  });
});

describe("wrappers", () => {
  it("tell a version that scripts can take apart", async () => {
    expect((await shell("qemu-img --version")).out).toMatch(/^qemu-img version 7\.2\.0 \(instar \d+\.\d+\.\d+\)\n$/);
    expect((await shell("qemu-img --version | head -n1 | cut -d' ' -f3")).out).toBe("7.2.0\n");
    expect((await shell("qemu-img --version | grep 'qemu-img version' | cut -d ' ' -f 3 | cut -d '(' -f 1")).out).toBe(
      "7.2.0\n",
    );
    expect((await shell("qemu-img -V")).out).toContain("version 7.2.0");
    expect((await shell("qemu-io --version")).out).toMatch(/^qemu-io version 7\.2\.0 /);
  });

  it("say who they are in messages and help", async () => {
    expect((await shell("qemu-img info missing")).err).toMatch(/^qemu-img: could not open 'missing': /);
    expect((await shell("qemu-io -c 'read 0 1' missing")).err).toMatch(/^qemu-io: could not open 'missing': /);
    expect((await shell("qemu-img bogus")).err).toBe("qemu-img: unknown command 'bogus' (see: qemu-img --help)\n");
    expect((await shell("qemu-img info")).err).toBe(
      "qemu-img: expecting one image file name (see: qemu-img help info)\n",
    );
    const { out } = await shell("qemu-img --help");
    expect(out).toMatch(/^qemu-img: .*\n\nusage: qemu-img COMMAND/);
    expect(out).toMatch(/^Supported formats: luks qcow2 raw vdi vhdx vmdk vpc$/m);
    expect((await shell("qemu-img info --help")).out).toContain("usage: qemu-img info [");
    expect((await shell("qemu-io --help")).out).toContain("usage: qemu-io [");
  });

  it("leave a program alone that is there already", async () => {
    mkdirSync(at("taken"));
    writeFileSync(at("taken/qemu-io"), "#!/bin/sh\necho mine\n");
    chmodSync(at("taken/qemu-io"), 0o755);
    const { code, err } = await instar(["wrappers", at("taken")]);
    expect([code, err]).toEqual([
      1,
      `instar: wrappers: ${at("taken/qemu-io")}: is there, and was not made by this command\n`,
    ]);
    expect(statSync(at("taken/qemu-img"), { throwIfNoEntry: false })).toBeUndefined();
  });

  it("can be made anew, and let images name files elsewhere", async () => {
    mkdirSync(at("base"));
    expect((await shell("qemu-img create -q -f raw ../base/disk.raw 1M")).code).toBe(0);
    expect((await shell("qemu-img create -q -f qcow2 -b ../base/disk.raw -F raw over.qcow2")).code).toBe(0);
    expect((await shell("qemu-img map over.qcow2")).err).toContain("--allow-path");
    const allow = ["--allow-path", at("base"), "--allow-url", "https://host/a b's/"];
    expect((await instarProcess(["wrappers", ...allow, at("allowing")])).code).toBe(0);
    expect((await instarProcess(["wrappers", ...allow, at("allowing")])).code).toBe(0);
    expect((await shell("qemu-img map over.qcow2", "allowing")).code).toBe(0);
    expect((await shell("INSTAR_ALLOW_PATH=/nowhere qemu-img map over.qcow2", "allowing")).code).toBe(0);
    const script = readFileSync(at("allowing/qemu-img"), "utf8").replace(/^exec.*/m, 'printf "%s" "$INSTAR_ALLOW_URL"');
    expect((await program("sh", ["-c", script])).out).toBe("https://host/a b's/");
    expect((await program("sh", ["-c", `INSTAR_ALLOW_URL=x\n${script}`])).out).toBe("https://host/a b's/ x");
  });
});

/** Command lines as programs that people use run them; each has the files of those before. */
const PASSES: readonly (readonly [where: string, line: string])[] = [
  ["packer", "qemu-img create -f qcow2 packer.qcow2 40960M"],
  ["packer", "qemu-img create -f qcow2 -b packer.qcow2 -F qcow2 packer-over.qcow2 40960M"],
  ["packer", "qemu-img resize -f qcow2 packer.qcow2 50000M"],
  ["packer", "qemu-img convert -O qcow2 packer-over.qcow2 packer-out.qcow2"],
  ["packer", "qemu-img convert -c -O qcow2 packer-over.qcow2 packer-out.qcow2"],
  ["nova", "env LC_ALL=C LANG=C qemu-img info packer.qcow2 --force-share --output=json"],
  ["nova", "qemu-img create -f qcow2 -o backing_file=$PWD/packer.qcow2,backing_fmt=qcow2,size=53687091200 nova.qcow2"],
  ["nova", "qemu-img convert -t none -O raw -f qcow2 packer-out.qcow2 nova.part"],
  ["nova", "qemu-img resize nova.qcow2 64424509440"],
  ["cinder", "qemu-img convert -O raw -t none -f qcow2 packer-out.qcow2 cinder.raw"],
  ["cinder", "qemu-img convert -O qcow2 -W -T none -t none -m 16 cinder.raw cinder.qcow2"],
  ["cinder", "qemu-img info -f qcow2 --output=json cinder.qcow2"],
  ["cinder", "qemu-img rebase -u -b packer.qcow2 -F qcow2 nova.qcow2"],
  ["cinder", "qemu-img commit -f qcow2 nova.qcow2"],
  ["ironic", "qemu-img convert -f qcow2 -O raw -t writeback -S 0 small.qcow2 ironic.raw"],
  ["libguestfs", "qemu-img info --output json -U -- packer.qcow2"],
  ["libguestfs", "qemu-img create -f qcow2 -o backing_fmt=qcow2,backing_file=packer.qcow2,compat=1.1 -q guestfs.qcow2"],
  ["virt-sparsify", "qemu-img convert -f qcow2 -O qcow2 -o compat=1.1 guestfs.qcow2 sparse.qcow2"],
  ["virt-v2v", "qemu-img measure -O qcow2 --output=json packer-out.qcow2"],
  ["virt-v2v", "qemu-img convert -p -n -f qcow2 -O raw -W -S 64k small.qcow2 v2v.raw"],
  ["proxmox", "qemu-img create -o preallocation=metadata -f qcow2 pve.qcow2 33554432K"],
  ["proxmox", "qemu-img info --output=json pve.qcow2"],
  ["proxmox", "qemu-img snapshot -c before pve.qcow2"],
  ["proxmox", "qemu-img snapshot -a before pve.qcow2"],
  ["proxmox", "qemu-img snapshot -d before pve.qcow2"],
  ["proxmox", "qemu-img resize -f qcow2 pve.qcow2 34628173824"],
  ["kiwi", "qemu-img convert -f raw nova.raw -O qcow2 kiwi.qcow2"],
  ["oz", "qemu-img create -f qcow2 -o size=10737418240 oz.qcow2"],
  ["oz", "qemu-img convert -O qcow2 -c oz.qcow2 oz-c.qcow2"],
  ["diskimage-builder", "qemu-img convert -c -f raw -O qcow2 nova.raw dib-new"],
  ["diskimage-builder", "qemu-img convert -f raw -O qcow2 -o cluster_size=2097152 nova.raw dib-large"],
  ["diskimage-builder", "qemu-img convert -f raw -O qcow2 -o compat=0.10 nova.raw dib-old"],
  ["avocado-vt", "qemu-img check -f qcow2 oz.qcow2"],
  ["avocado-vt", "qemu-img compare -f raw -F qcow2 nova.raw kiwi.qcow2"],
  ["avocado-vt", "qemu-img map --output=json packer-out.qcow2"],
  ["avocado-vt", "qemu-img dd -f qcow2 -O raw bs=4M count=1 if=kiwi.qcow2 of=dd.raw"],
  ["iotests", "qemu-io -c 'write -P 0x11 0 64k' -c 'read -P 0x11 0 64k' oz.qcow2"],
  ["iotests", "qemu-io -f qcow2 -c 'discard 0 64k' -c flush oz.qcow2"],
  ["iotests", "qemu-img bench -c 10 -d 2 -f qcow2 oz.qcow2"],
  [
    "nova",
    "qemu-img create -f qcow2 --object secret,id=s,data=x -o encrypt.format=luks,encrypt.key-secret=s luks.qcow2 1M",
  ],
];

/** Those that do not pass, and what is told. */
const DOES_NOT_PASS: readonly (readonly [where: string, line: string, told: RegExp])[] = [
  ["nova", "qemu-img convert -f qcow2 -O raw -c nova.qcow2 nova-c.raw", /compress/i],
  ["proxmox", "qemu-img convert -p -n -T none -f qcow2 -O raw small.qcow2 zeroinit:v2v.raw", /zeroinit/],
  ["kiwi", "qemu-img convert -f raw nova.raw -O vpc -o force_size kiwi.vhd", /only be read/],
  [
    "glance",
    "qemu-img convert -f qcow2 -O vmdk -o subformat=streamOptimized packer-out.qcow2 glance.vmdk",
    /only be read/,
  ],
];

describe("command lines in the wild", () => {
  beforeAll(async () => {
    await shell(
      "qemu-img create -q -f qcow2 small.qcow2 1M; qemu-img create -q -f raw v2v.raw 1M; qemu-img create -q -f raw nova.raw 1M",
    );
  });

  it.each(PASSES)("%s: %s", async (_where, line) => {
    const { code, err } = await shell(line);
    expect([code, err.replace(/^qemu-img: .*: warning: .*\n/gm, "")]).toEqual([0, ""]);
  });

  it.each(DOES_NOT_PASS)("does not pass, %s: %s", async (_where, line, told) => {
    const { code, err } = await shell(line);
    expect(code).toBe(1);
    expect(err).toMatch(told);
  });
});

describe.skipIf(!HAS_QEMU)(`what scripts read is what they read of QEMU ${NEEDS_QEMU}`, () => {
  it.each([
    "info --output=json packer.qcow2 | grep -c virtual-size",
    "info packer.qcow2 | awk '/virtual size/ {print $3 $4}'",
    "info packer.qcow2 | sed -n 's/^file format: //p'",
    "info --backing-chain packer-over.qcow2 | grep '^image:'",
    "snapshot -l pve.qcow2",
    "check oz.qcow2 > /dev/null; echo $?",
    "measure -O qcow2 --size 1G",
  ])("%s", async (line) => {
    const theirs = await program("bash", ["--norc", "-c", `qemu-img ${line}`], { cwd: at("work") });
    expect((await shell(`qemu-img ${line}`)).out).toBe(theirs.out);
  });
});
