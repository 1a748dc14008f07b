import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BIN, HAS_QEMU, instar, instarProcess, NEEDS_QEMU, type Outcome, program, scratch } from "./harness.js";

const at = scratch();

/** Runs commands, with what depends on the speed of the machine taken out. */
async function io(commands: readonly string[], ...options: string[]): Promise<Outcome> {
  return steady(await instar(["io", ...options, ...commands.flatMap((command) => ["-c", command]), at("disk.qcow2")]));
}

function steady({ code, out, err }: Outcome): Outcome {
  const timeless = out
    .replace(/\d+\.\d+ sec \(.*\/sec and .* ops\/sec\)/g, "TIME")
    .replace(/,\d:\d\d:\d\d\.\d\d,[\d.]+,[\d.]+/g, ",TIME");
  return { code, out: timeless, err };
}

beforeAll(async () => {
  // Over a backing file, zeroes are something else than nothing.
  await instar(["create", "-q", "-f", "qcow2", at("base.qcow2"), "10M"]);
  await instar(["create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", at("new.qcow2")]);
});

beforeEach(() => copyFileSync(at("new.qcow2"), at("disk.qcow2")));

describe("io reads and writes", () => {
  it("and tells of it as qemu-io does", async () => {
    expect(await io(["write -P 0xab 0 64k", "read -P 0xab 0 64k"])).toEqual({
      code: 0,
      out: "wrote 65536/65536 bytes at offset 0\n64 KiB, 1 ops; TIME\nread 65536/65536 bytes at offset 0\n64 KiB, 1 ops; TIME\n",
      err: "",
    });
    expect((await io(["write -C 0 1M"])).out).toBe("1048576,1,TIME\n");
    expect((await io(["write -q 0 1M"])).out).toBe("");
  });

  it("and keeps what was written", async () => {
    await io(["write -q -P 1 100 5000", "write -q 1M 64k", "write -q -z 32k 64k", "truncate 20M"]);
    const { code } = await io([
      "read -q -P 0 0 100",
      "read -q -P 1 100 5000",
      "read -q -P 0 5100 100k",
      "read -q -P 0xcd 1M 64k",
      "read -q -P 0 19M 1M",
    ]);
    expect(code).toBe(0);
    expect((await instar(["check", at("disk.qcow2")])).code).toBe(0);
  });

  it("and fails where a pattern is not found, and goes on", async () => {
    const { code, out } = await io([
      "write -q -P 1 0 64k",
      "write -q -P 2 1k 1",
      "read -P 1 512 1k",
      "read -q -P 1 0 1k",
    ]);
    expect(code).toBe(1);
    expect(out).toBe(
      "Pattern verification failed at offset 512, 1024 bytes\nread 1024/1024 bytes at offset 512\n1 KiB, 1 ops; TIME\n",
    );
  });

  it("and looks for a pattern in a part", async () => {
    expect((await io(["write -q -P 1 1k 512", "read -q -P 1 -s 512 -l 512 512 2k"])).code).toBe(0);
    expect((await io(["read -q -P 1 -s 512 -l 512 512 2k"])).out).toBe("");
    const off = await io(["write -q -P 1 1k 512", "read -q -P 1 -s 511 -l 512 512 2k"]);
    expect(off.out).toBe("Pattern verification failed at offset 1023, 512 bytes\n");
  });

  it("and dumps", async () => {
    const { out } = await io(["write -q -P 0x41 65510 10", "read -v 65500 40", "read -q -v 65500 40"]);
    expect(out).toBe(
      "0000ffdc:  00 00 00 00 00 00 00 00 00 00 41 41 41 41 41 41  ..........AAAAAA\n" +
        "0000ffec:  41 41 41 41 00 00 00 00 00 00 00 00 00 00 00 00  AAAA............\n" +
        "0000fffc:  00 00 00 00 00 00 00 00  ........\n" +
        "read 40/40 bytes at offset 65500\n40 bytes, 1 ops; TIME\n",
    );
  });

  it("and fills from a file, over and over", async () => {
    writeFileSync(at("pattern"), "abc");
    await io([`write -q -s ${at("pattern")} 512 1000`]);
    await instar(["convert", at("disk.qcow2"), at("disk.raw")]);
    expect(readFileSync(at("disk.raw")).subarray(512, 1513).toString()).toBe(`${"abc".repeat(333)}a\0`);
  });

  it("in more than one piece where a request is large", async () => {
    writeFileSync(at("pattern"), "abcdefg");
    await instar(["create", "-q", at("large.raw"), "80M"]);
    const commands = [
      `write -q -s ${at("pattern")} 1 70M`,
      "write -q -P 7 70M 9M",
      "read -q -P 7 70M 9M",
      "read -P 7 1M 78M",
    ];
    const { code, out } = await instar(["io", "-f", "raw", ...commands.flatMap((c) => ["-c", c]), at("large.raw")]);
    expect([code, out.split("\n")[0]]).toEqual([
      1,
      `Pattern verification failed at offset 1048576, ${78 * 2 ** 20} bytes`,
    ]);
    const content = readFileSync(at("large.raw")).subarray(1, 70 * 2 ** 20);
    for (const offset of [0, 33_554_432, 67_108_864, content.byteLength - 7]) {
      const from = offset - (offset % 7);
      expect(content.subarray(from, from + 7).toString()).toBe("abcdefg".slice(0, content.byteLength - from));
    }
  });

  it("in the background, until aio_flush or the end", async () => {
    const { code, out } = await io([
      "aio_write -P 5 0 64k",
      "aio_flush",
      "aio_read -P 5 0 1k 1k",
      "aio_write -z 1M 1M",
    ]);
    expect(code).toBe(0);
    expect(out).toContain("wrote 65536/65536 bytes at offset 0\n");
    expect(out).toContain("read 2048/2048 bytes at offset 0\n");
    expect(out).toContain("wrote 1048576/1048576 bytes at offset 1048576\n");
    expect((await io(["aio_read 10M 512"])).out).toContain("aio_read failed: ");
  });

  it("several lengths as one request", async () => {
    expect((await io(["writev -P 3 0 512 1k", "readv -P 3 0 512 512 512"])).out).toBe(
      "wrote 1536/1536 bytes at offset 0\n1.500 KiB, 1 ops; TIME\nread 1536/1536 bytes at offset 0\n1.500 KiB, 1 ops; TIME\n",
    );
  });
});

describe("io tells", () => {
  it("size, allocation and facts", async () => {
    const { out } = await io([
      "write -q 0 64k",
      "write -q -z 1M 2M",
      "length",
      "map",
      "alloc 1M",
      "alloc 0 20M",
      "info",
    ]);
    expect(out).toBe(`10 MiB
64 KiB (0x10000) bytes     allocated at offset 0 bytes (0x0)
960 KiB (0xf0000) bytes not allocated at offset 64 KiB (0x10000)
2 MiB (0x200000) bytes     allocated at offset 1 MiB (0x100000)
7 MiB (0x700000) bytes not allocated at offset 3 MiB (0x300000)
512/512 bytes allocated at offset 1 MiB
2162688/10485760 bytes allocated at offset 0 bytes
format name: qcow2
cluster size: 64 KiB
vm state offset: 512 MiB
Format specific information:
    compat: 1.1
    compression type: zlib
    lazy refcounts: false
    refcount bits: 16
    corrupt: false
    extended l2: false
`);
  });

  it("what each command does", async () => {
    const all = (await io(["help"])).out;
    for (const name of ["read", "write", "discard", "flush", "length", "map", "alloc", "truncate", "sleep", "quit"]) {
      expect(all).toMatch(new RegExp(`^${name}( .*)? -- .+$`, "m"));
    }
    expect((await io(["help read"])).out).toContain("-P BYTE");
    expect((await io(["help bogus"])).code).toBe(1);
  });
});

describe("io options", () => {
  it("-r refuses to write", async () => {
    const before = readFileSync(at("disk.qcow2"));
    const { code, err } = await io(["write 0 512", "discard 0 64k", "truncate 1M"], "-r");
    expect([code, err]).toEqual([1, "instar: Block node is read-only\n".repeat(3)]);
    expect(readFileSync(at("disk.qcow2")).equals(before)).toBe(true);
  });

  it("-s keeps writes until the end only", async () => {
    const before = readFileSync(at("disk.qcow2"));
    const { code, out } = await io(["write -q -P 1 1M 1M", "read -q -P 1 1M 1M", "alloc 1M 1M"], "-s");
    expect([code, out]).toEqual([0, "1048576/1048576 bytes allocated at offset 1 MiB\n"]);
    expect(readFileSync(at("disk.qcow2")).equals(before)).toBe(true);
  });

  it("-s does not write to the image, and so opens one that must not be written to", async () => {
    const image = readFileSync(at("disk.qcow2"));
    // The corrupt bit.
    image.writeBigUInt64BE(2n, 72);
    writeFileSync(at("disk.qcow2"), image);
    expect((await io(["length"])).code).toBe(1);
    expect((await io(["write -q 0 64k"], "-s")).code).toBe(0);
    expect(readFileSync(at("disk.qcow2")).equals(image)).toBe(true);
  });

  it("-d ignore keeps what is discarded", async () => {
    await io(["write -q -P 1 0 64k"]);
    expect((await io(["discard -q 0 64k", "read -q -P 1 0 64k"], "-d", "ignore")).code).toBe(0);
    expect((await io(["discard -q 0 64k", "read -q -P 0 0 64k"])).code).toBe(0);
  });

  it.each(["none", "writeback", "writethrough", "directsync", "unsafe"])("-t %s", async (mode) => {
    expect((await io(["write -q -P 1 0 64k", "flush", "read -q -P 1 0 64k"], "-t", mode)).code).toBe(0);
    expect((await io(["read -q -P 1 0 64k"])).code).toBe(0);
  });

  it("that make no sense are refused", async () => {
    expect((await io(["length"], "-t", "bogus")).err).toContain("-t 'bogus': must be one of none");
    expect((await io(["length"], "-d", "bogus")).err).toContain("-d 'bogus': must be one of unmap");
    expect((await io(["length"], "-U")).err).toContain("-U needs -r");
    expect((await io(["length"], "-U", "-r")).code).toBe(0);
  });
});

describe("io commands that make no sense", () => {
  it.each([
    ["bogus", "", 'command "bogus" not found\n'],
    ["read 0", "", "bad argument count 1 to read, expected at least 2 arguments\n"],
    ["length 5", "", "bad argument count 1 to length, expected 0 arguments\n"],
    ["read abc 1k", "Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- abc\n", ""],
    ["read 0 1x", "Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- 1x\n", ""],
    ["read 0 3G", "length cannot exceed 2147483136, given 3G\n", ""],
    ["write -P 300 0 512", "300 is not a valid pattern byte\n", ""],
    ["write -P -1 0 512", "-1 is not a valid pattern byte\n", ""],
    ["write -z -P 1 0 512", "Only one of -z, -P, and -s can be specified at the same time\n", ""],
    ["write -u 0 512", "-u requires -z to be specified\n", ""],
    ["read -P 1 -s 512 -l 1000 0 1k", "pattern verification range exceeds end of read data\n", ""],
  ])("%s", async (command, out, err) => {
    expect(await io([command])).toEqual({ code: 1, out, err });
  });

  it("an unknown option shows how to use the command", async () => {
    const { code, out, err } = await io(["read -x 0 512"]);
    expect([code, err]).toEqual([1, "read: unknown option -x\n"]);
    expect(out).toContain("read [-bCpqv] [-P PATTERN [-s OFF] [-l LEN]] OFF LEN -- reads");
  });

  it.each(["read 10M 512", "write 10485759 2", "write -z 9M 2M", "discard 9M 2M", "read 100G 1"])(
    "past the end: %s",
    async (command) => {
      const { code, out } = await io([command]);
      expect(code).toBe(1);
      expect(out).toMatch(/^\w+ failed: .*past the end at 10485760\n$/);
    },
  );

  it("that go past the end do nothing of what lies before it", async () => {
    await instar(["create", "-q", at("wide.raw"), "40M"]);
    expect((await instar(["io", "-f", "raw", "-c", "write -P 1 0 50M", at("wide.raw")])).code).toBe(1);
    expect((await instar(["io", "-f", "raw", "-c", "read -q -P 0 0 40M", at("wide.raw")])).code).toBe(0);
  });

  it("do not grow a raw image either", async () => {
    await instar(["create", "-q", at("a.raw"), "1M"]);
    expect((await instar(["io", "-f", "raw", "-c", "write 1M 512", at("a.raw")])).code).toBe(1);
    expect(statSync(at("a.raw")).size).toBe(1_048_576);
  });
});

describe("io takes commands from standard input", () => {
  it("until quit, or the end", async () => {
    const stdin = "length\n\nbogus\n  read   -q 0 512\nquit\nlength\n";
    const outcome = await instar(["io", at("disk.qcow2")], { stdin });
    expect(outcome).toEqual({ code: 1, out: "10 MiB\n", err: 'command "bogus" not found\n' });
    expect((await instar(["io", at("disk.qcow2")], { stdin: "length\nlength" })).out).toBe("10 MiB\n10 MiB\n");
    expect((await instar(["io", at("disk.qcow2")])).code).toBe(0);
  });

  it("and ends with quit although more could come", async () => {
    const child = spawn(process.execPath, [BIN, "io", at("disk.qcow2")], { stdio: ["pipe", "inherit", "inherit"] });
    child.stdin.write("read -q 0 512\nquit\n");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});

describe("io on a raw image whose format is not named", () => {
  it("warns, and keeps the guest from making it look like an image", async () => {
    await instar(["create", "-q", at("guess.raw"), "1M"]);
    writeFileSync(at("magic"), "QFI\xfb", "latin1");
    const { code, out, err } = await instar(["io", "-c", `write -s ${at("magic")} 0 512`, at("guess.raw")]);
    expect(code).toBe(1);
    expect(err).toMatch(/^instar: .*guess\.raw: taken for raw, [^\n]*\n$/);
    expect(out).toContain("would look like an image of another format (qcow2): name the format (-f raw) to write this");
    expect((await instar(["io", "-c", "write -q 0 512", at("guess.raw")])).code).toBe(0);
    const named = await instar(["io", "-f", "raw", "-c", `write -q -s ${at("magic")} 0 512`, at("guess.raw")]);
    expect(named).toEqual({ code: 0, out: "", err: "" });
  });
});

describe.skipIf(!HAS_QEMU)(`io prints what qemu-io prints ${NEEDS_QEMU}`, () => {
  const script = [
    "write -P 0xab 0 64k",
    "read -P 0xab 0 64k",
    "read -P 0xac 0 64k",
    "read -v 65500 100",
    "write 1 3",
    "write -z 1M 1M",
    "write -z -u 2M 1M",
    "discard 0 64k",
    "read -C 0 1M",
    "flush",
    "length",
    "map",
    "alloc 1M",
    "alloc 1M 2M",
    "alloc 0 20M",
    "info",
    "truncate 20M",
    "length",
    "read 100 1.5k",
    "write 0 0x200",
    "read 0 0",
    "read abc 1k",
    "read 0 3G",
    "write -P 300 0 512",
    "write -z -P 1 0 512",
    "read -P 0xab -s 512 -l 1000 0 1k",
    "sleep 1",
    "quit",
  ];

  it("for the same commands, and exits alike", async () => {
    const argv = script.flatMap((command) => ["-c", command]);
    copyFileSync(at("new.qcow2"), at("theirs.qcow2"));
    const ours = await io(script);
    const theirs = steady(await program("qemu-io", [...argv, at("theirs.qcow2")]));
    expect(ours.out).toBe(theirs.out);
    expect([ours.code, ours.err]).toEqual([theirs.code, theirs.err]);
    expect((await program("qemu-img", ["compare", at("disk.qcow2"), at("theirs.qcow2")])).code).toBe(0);
    expect((await program("qemu-img", ["check", at("disk.qcow2")])).code).toBe(0);
  });
});

describe("io as a process", () => {
  it("runs commands given in one go", async () => {
    const { code, out } = await instarProcess(["io", "-c", "write -q 0 1M", "-c", "length", at("disk.qcow2")]);
    expect([code, out]).toEqual([0, "10 MiB\n"]);
  });
});
