import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BIN, HAS_QEMU, instar, NEEDS_QEMU, type Outcome, program, scratch } from "./harness.js";

const at = scratch();

async function io(commands: readonly string[], ...argv: string[]): Promise<Outcome> {
  return instar(["io", ...argv, ...commands.flatMap((command) => ["-c", command])]);
}

beforeAll(async () => {
  await instar(["create", "-q", "-f", "qcow2", at("new.qcow2"), "10M"]);
});

beforeEach(() => copyFileSync(at("new.qcow2"), at("disk.qcow2")));

describe("io without a file", () => {
  it("has nothing to read from until it opens one, and again when that is closed", async () => {
    const disk = at("disk.qcow2");
    const { code, out, err } = await io([
      "length",
      `open ${disk}`,
      "length",
      `open ${disk}`,
      "close",
      "length",
      "close",
    ]);
    expect([code, out]).toEqual([1, "10 MiB\n"]);
    const none = "no file open, try 'help open'\n";
    expect(err).toBe(`${none}instar: file open already, try 'help close'\n${none}${none}`);
  });

  it("closes what it has opened, which writes it out", async () => {
    expect((await io([`open ${at("disk.qcow2")}`, "write -q -P 5 1M 64k"])).code).toBe(0);
    expect((await io(["read -q -P 5 1M 64k"], at("disk.qcow2"))).code).toBe(0);
  });

  it("opens as told by options", async () => {
    const disk = at("disk.qcow2");
    expect((await io([`open -o driver=raw ${disk}`, "read -v 0 4"])).out).toContain("QFI.");
    expect((await io([`open -o driver=qcow2,file.filename=${disk}`, "length"])).out).toBe("10 MiB\n");
    expect((await io([`open -s ${disk}`, "write -q 0 64k", "close", `open -r ${disk}`, "map"])).out).toBe(
      "10 MiB (0xa00000) bytes not allocated at offset 0 bytes (0x0)\n",
    );
    expect((await io([`open -o driver=raw,offset=512,size=1k ${disk}`, "length"])).out).toBe("1 KiB\n");
    expect((await io([`open -o driver=qcow2,l2-cache-size=64k ${disk}`, "read -q -P 0 0 1M"])).code).toBe(0);
    expect((await io([`open -o read-only=on ${disk}`])).err).toContain("read-only=on: it is to be written to");
    expect((await io([`open -o driver=qcow2,bogus=1 ${disk}`])).err).toContain("bogus");
    expect((await io(["open -o driver=qcow2"])).err).toContain("file.filename is missing");
    expect((await io(["open -U"])).err).toContain("a file name is needed");
    expect((await io([`open -U ${disk}`])).err).toContain("-U needs -r");
    expect((await io([`open -t bogus ${disk}`])).err).toContain("open: -t 'bogus': must be one of none");
    expect((await io([`open ${at("nothing")}`])).err).toContain("could not open");
  });
});

describe("io reopen", () => {
  it("changes between reading and writing", async () => {
    const commands = [
      "write -q 0 512",
      "reopen -w",
      "write -q -P 1 0 512",
      "reopen -r",
      "write -q 0 512",
      "read -q -P 1 0 512",
    ];
    const { code, out, err } = await io(commands, "-r", at("disk.qcow2"));
    expect([code, out, err]).toEqual([1, "", "instar: Block node is read-only\n".repeat(2)]);
    expect((await io(["read -q -P 1 0 512"], at("disk.qcow2"))).code).toBe(0);
  });

  it("keeps what a temporary layer holds", async () => {
    const commands = ["write -q -P 1 0 512", "reopen -r", "write 0 512", "reopen -w -c unsafe", "read -q -P 1 0 512"];
    const { out, err } = await io(commands, "-s", at("disk.qcow2"));
    expect([out, err]).toEqual(["", "instar: Block node is read-only\n"]);
  });

  it("refuses what it cannot change", async () => {
    const { err } = await io(["reopen -r -w", "reopen -o read-only=on", "reopen -c bogus"], at("disk.qcow2"));
    expect(err.split("\n")).toEqual([
      "instar: Only one -r/-w option may be given",
      "instar: Read-only block node cannot support read-write users: -r makes them readers",
      expect.stringContaining("-c 'bogus': must be one of none"),
      "",
    ]);
  });
});

describe("io -C", () => {
  const upper = at("upper.qcow2");

  beforeEach(async () => {
    copyFileSync(at("new.qcow2"), at("lower.qcow2"));
    await io(["write -q -P 5 1M 256k"], at("lower.qcow2"));
    await instar(["create", "-q", "-f", "qcow2", "-b", "lower.qcow2", "-F", "qcow2", upper]);
  });

  it("keeps in the image what is read from below it", async () => {
    expect((await io(["read -q -P 5 1M 64k", "alloc 1M 256k"], "-C", upper)).out).toBe(
      "65536/262144 bytes allocated at offset 1 MiB\n",
    );
    expect((await io([`open -C ${upper}`, "read -q 1088k 64k", "alloc 1M 256k"])).out).toContain("131072/262144");
    expect((await io(["read -q -P 5 1M 256k", "alloc 1M 256k"], upper)).out).toContain("131072/262144");
    expect((await instar(["check", "-q", upper])).code).toBe(0);
  });

  it("with -s keeps it until the end", async () => {
    expect((await io(["read -q -P 5 1M 64k", "alloc 1M 64k"], "-s", "-C", upper)).out).toContain("65536/65536");
    expect((await io(["alloc 1M 64k"], upper)).out).toContain("0/65536");
  });

  it("makes no sense with -r", async () => {
    const { code, err } = await io(["length"], "-r", "-C", upper);
    expect([code, err]).toEqual([1, "instar: io: Can't use copy-on-read on read-only device\n"]);
  });
});

describe("io sigraise", () => {
  it("sends the program a signal", async () => {
    const raised: number[] = [];
    const { code, out } = await instar(["io", "-c", "sigraise 0", "-c", "abort", "-c", "sigraise x"], { raised });
    expect([code, out, raised]).toEqual([1, "x is not a valid number\n", [0, 6]]);
  });

  it("9 ends it where it stands, with what was flushed in the image", async () => {
    const argv = ["write -q -P 3 0 64k", "flush", "write -q -P 4 1M 64k", "sigraise 9"].flatMap((text) => ["-c", text]);
    const child = spawn(process.execPath, [BIN, "io", ...argv, at("disk.qcow2")]);
    expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    expect((await instar(["check", "-q", at("disk.qcow2")])).code % 3).toBe(0);
    expect((await io(["read -q -P 3 0 64k"], at("disk.qcow2"))).code).toBe(0);
  });

  it("15 ends it when the image is closed", async () => {
    const child = spawn(process.execPath, [
      BIN,
      "io",
      "-c",
      "write -q -P 4 1M 64k",
      "-c",
      "sigraise 15",
      "-c",
      "length",
      at("disk.qcow2"),
    ]);
    child.stdout.on("data", () => expect.unreachable());
    expect(await once(child, "exit")).toEqual([143, null]);
    expect((await io(["read -q -P 4 1M 64k"], at("disk.qcow2"))).code).toBe(0);
  });
});

describe.skipIf(!HAS_QEMU)(`io and qemu-io agree ${NEEDS_QEMU}`, () => {
  it.each([
    ["without a file", ["length", "sleep 1", "sigraise 0", "reopen", "break a b", "help bogus", "close", "quit"]],
    [
      "opening",
      [
        "open DISK",
        "length",
        "open DISK",
        "close",
        "close",
        "open -r DISK",
        "write 0 512",
        "reopen -w",
        "write -q 0 512",
      ],
    ],
    [
      "counting arguments",
      ["read 0", "alloc", "alloc 1 2 3", "truncate", "sleep 1 2", "discard 0", "help a b", "map x", "quit 5"],
      "DISK",
    ],
    [
      "reopening a qcow2 image with options",
      [
        "reopen -o lazy-refcounts=on,discard=unmap,cache.direct=off,l2-cache-size=1M,overlap-check=all",
        "write -q -P 7 0 64k",
        "reopen -o driver=qcow2 -r",
        "write 0 512",
        "read -q -P 7 0 64k",
        "reopen -o read-only=off,detect-zeroes=off,overlap-check.template=none,cache-clean-interval=0",
        "reopen -o driver=raw",
        "reopen -o size=1M",
        "reopen -o bogus=1",
        "reopen -o file.filename=other",
        "reopen -o file.locking=off",
        "reopen -o lazy-refcounts=maybe",
        "reopen -o discard=bogus",
        "reopen -w -o read-only=off",
        "reopen -c none -o cache.direct=on",
        "reopen -o discard=ignore -w",
        "discard -q 0 64k",
        "read -q -P 7 0 64k",
      ],
      "DISK",
    ],
    [
      "reopening a raw image with options",
      ["reopen -o discard=ignore,auto-read-only=on", "reopen -o lazy-refcounts=on", "reopen -o l2-cache-size=1M"],
      "-f",
      "raw",
      "DISK",
    ],
    [
      "opening twice named",
      ["open -o file.filename=DISK DISK", "length", "open -o driver=raw,size=512 DISK", "length"],
    ],
    ["refusing", ["write 0 512", "write 0 x", "discard 0 512", "truncate 1M", "aio_write 0 512"], "-r", "DISK"],
    [
      "with sizes that are no sectors",
      ["truncate 100", "truncate 20M", "length", "write -q -P 070 0 1", "read -q -P 56 0 1"],
      "DISK",
    ],
    [
      "asynchronous",
      ["aio_write -z 0 512 512", "aio_write -i 0 512", "aio_read -i 0 512", "aio_write -u 0 512"],
      "DISK",
    ],
    [
      "about the VM state",
      [
        "read -q -b -P 0 0 1M",
        "write -q -b -P 7 0 100k",
        "write -q -b 1M 512",
        "read -q -b -P 7 0 100k",
        "read -q -b -P 0xcd -s 512 -l 512 1048064 1k",
        "read -q -b -P 1 0 512",
        "read -q -b -v 102000 32",
        "read -q -b -v 101888 512",
        "read -b 0 100",
        "write -b -z 0 64k",
        "write -b -f 0 64k",
        "write -b -n 0 64k",
        "write -b 100 512",
        "write -q -b -c 0 64k",
        "read -q -b -P 0xcd 0 64k",
        "read -q -P 0 0 10M",
      ],
      "DISK",
    ],
    ["breakpoints", ["break l2_load A", "resume A", "remove_break A", "break x"], "DISK"],
  ] satisfies [string, string[], ...string[]][])(
    "%s",
    async (...[, commands, ...argv]: [string, string[], ...string[]]) => {
      copyFileSync(at("new.qcow2"), at("theirs.qcow2"));
      const named = (file: string): string[] =>
        [...commands.flatMap((text) => ["-c", text]), ...argv].map((word) => word.replace("DISK", at(file)));
      const ours = await instar(["io", ...named("disk.qcow2")]);
      const theirs = await program("qemu-io", named("theirs.qcow2"));
      expect(ours.out).toBe(theirs.out);
      expect(ours.err.replaceAll("instar: ", "qemu-io: ")).toBe(theirs.err);
      expect(ours.code).toBe(theirs.code);
      expect((await program("qemu-img", ["compare", at("disk.qcow2"), at("theirs.qcow2")])).code).toBe(0);
    },
  );
});
