import { MemoryBackend } from "@instar/backend";
import { beforeEach, describe, expect, it } from "vitest";
import { type BenchJob, runBench } from "../src/bench-run.js";
import { HAS_QEMU, instar, NEEDS_QEMU, type Outcome, program, qemu, scratch } from "./harness.js";

const at = scratch();

function steady({ code, out }: Outcome): Pick<Outcome, "code" | "out"> {
  return { code, out: out.replace(/\d+\.\d{3} seconds/, "TIME") };
}

beforeEach(async () => {
  await instar(["create", "-q", "-f", "qcow2", at("a.qcow2"), "10M"]);
});

/** A disk that writes down what it is asked for, `write 0 4096`, each request taking a turn of the event loop. */
class Recorder extends MemoryBackend {
  readonly log: string[] = [];
  most = 0;
  #underWay = 0;

  override async read(target: Uint8Array, offset: number): Promise<void> {
    await this.#note(`read ${offset} ${target.byteLength}`);
  }

  override async write(source: Uint8Array, offset: number): Promise<void> {
    await this.#note(`write ${offset} ${source.byteLength} ${source[0]}`);
  }

  override async sync(): Promise<void> {
    this.log.push(`sync with ${this.#underWay} under way`);
  }

  async #note(what: string): Promise<void> {
    this.log.push(what);
    this.most = Math.max(this.most, ++this.#underWay);
    await new Promise(setImmediate);
    this.#underWay--;
  }
}

async function record(job: Partial<BenchJob>): Promise<Recorder> {
  const disk = new Recorder();
  await disk.truncate(40_960);
  const signal = new AbortController().signal;
  const common = { write: false, count: 4, depth: 2, offset: 0, step: 4096, length: 4096, pattern: 0 };
  await runBench({ ...common, flushInterval: 0, drain: true, writeThrough: false, signal, disk, ...job });
  return disk;
}

describe("bench", () => {
  it("steps through the disk, and on from its beginning", async () => {
    const { log } = await record({ offset: 8192, step: 16_384 });
    expect(log).toEqual(["read 8192 4096", "read 24576 4096", "read 0 4096", "read 16384 4096"]);
  });

  it("has as many requests under way as it is told", async () => {
    expect((await record({ count: 20, depth: 5 })).most).toBe(5);
    expect((await record({ count: 3, depth: 5 })).most).toBe(3);
  });

  it("syncs after so many writes, having waited for them", async () => {
    const { log } = await record({ write: true, pattern: 7, count: 5, flushInterval: 2 });
    expect(log.filter((line) => line.startsWith("sync"))).toEqual(Array(2).fill("sync with 0 under way"));
    expect(log.indexOf("sync with 0 under way")).toBe(2);
    expect(log[0]).toBe("write 0 4096 7");
  });

  it("or not having waited", async () => {
    const { log } = await record({ write: true, count: 8, depth: 4, flushInterval: 4, drain: false });
    expect(log.filter((line) => line.startsWith("sync"))).toHaveLength(2);
    expect(log[0]).toBe("write 0 4096 0");
  });

  it("syncs after every write where it is to write through", async () => {
    const { log } = await record({ write: true, writeThrough: true, depth: 1, count: 2 });
    expect(log).toEqual(["write 0 4096 0", "sync with 0 under way", "write 4096 4096 0", "sync with 0 under way"]);
  });

  it("writes the pattern", async () => {
    const argv = ["bench", "-w", "-c", "4", "--pattern=0x1f", "-s", "64k", "-S", "128k", "-o", "1M", at("a.qcow2")];
    expect((await instar(argv)).code).toBe(0);
    const commands = [
      "-c",
      "read -q -P 0x1f 1M 64k",
      "-c",
      "read -q -P 0 1088k 64k",
      "-c",
      "read -q -P 0x1f 1152k 64k",
    ];
    expect((await instar(["io", ...commands, at("a.qcow2")])).code).toBe(0);
    expect((await instar(["check", at("a.qcow2")])).code).toBe(0);
  });

  it("tells of a request that fails", async () => {
    const { code, err } = await instar(["bench", "-c", "1", "-o", "11M", at("a.qcow2")]);
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^instar: bench: Failed request: .*past the end at 10485760\n$/),
    ]);
  });

  it.each([
    [["-c", "abc"], "-c 'abc': must be a whole number"],
    [["-d", "0"], "-d '0': must be a whole number from 1"],
    [["-S", "9G"], "must be between 0 and 2147483647"],
    [["-s", "x"], "invalid value of -s 'x'"],
    [["-o", "x"], "invalid offset 'x'"],
    [["-t", "bogus"], "-t 'bogus': must be one of"],
    [["-w", "--pattern=300"], "--pattern '300': must be a byte"],
    [["-w", "-U"], "-U cannot go with -w"],
    [["--flush-interval=100"], "--flush-interval is only available in write tests"],
    [["-w", "--flush-interval=10"], "Flush interval can't be smaller than depth"],
  ])("refuses %j", async (argv, message) => {
    const { code, out, err } = await instar(["bench", ...argv, at("a.qcow2")]);
    expect([code, out, err]).toEqual([1, "", expect.stringContaining(message)]);
  });
});

describe.skipIf(!HAS_QEMU)(`bench prints what qemu-img prints ${NEEDS_QEMU}`, () => {
  it.each([
    ["-c", "100"],
    ["-c", "0"],
    ["-c", "10", "-q", "-d", "1", "-s", "64k"],
    ["-c", "10", "-s", "0"],
    ["-c", "10", "-S", "0", "-o", "5"],
    ["-c", "10", "-t", "unsafe", "-w", "--flush-interval=2", "-d", "2"],
    ["-c", "10", "-w", "--pattern=7", "--flush-interval=4", "--no-drain", "-d", "4"],
    ["-c", "1", "-o", "11M"],
    ["-c", "1", "-s", "20M"],
  ])("%s %s %s %s %s %s %s %s", async (...argv) => {
    const ours = steady(await instar(["bench", ...argv, at("a.qcow2")]));
    await qemu("qemu-img", "create", "-q", "-f", "qcow2", at("b.qcow2"), "10M");
    const theirs = steady(await program("qemu-img", ["bench", ...argv, at("b.qcow2")]));
    expect(ours).toEqual(theirs);
    await qemu("qemu-img", "compare", at("a.qcow2"), at("b.qcow2"));
  });
});
