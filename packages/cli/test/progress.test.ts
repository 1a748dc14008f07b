import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { accessOf } from "../src/access.js";
import { Arguments } from "../src/args.js";
import type { Context } from "../src/command.js";
import { Progress } from "../src/progress.js";
import { StorageStats } from "../src/storage-stats.js";

const MIB = 1_048_576;

/** Work that is told of, with a clock that goes by hand. */
function telling(enabled: boolean, isTTY: boolean, total: number) {
  const [out, err] = [collector(isTTY), collector(false)];
  let now = 1000;
  const context: Context = {
    program: "instar",
    host: {
      stdout: out.stream,
      terminal: out.stream,
      self: [],
      stderr: err.stream,
      stdin: process.stdin,
      env: {},
      onStop: () => () => {},
      onAsked: () => () => {},
      raise: () => {},
      date: () => new Date(0),
      now: () => now,
    },
    access: accessOf(new Arguments([], [])),
    stats: new StorageStats(),
    asked: new Set(),
    signal: new AbortController().signal,
    print: async (text) => void out.stream.write(text),
    warn: () => {},
  };
  const progress = new Progress(context, enabled, total);
  return {
    progress,
    out: out.text,
    err: err.text,
    after: (milliseconds: number) => (now += milliseconds),
    ask: () => {
      for (const answer of context.asked) answer();
    },
  };
}

function collector(isTTY: boolean): { stream: Writable & { isTTY: boolean }; text: () => string } {
  let text = "";
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY }), text: () => text };
}

describe("progress", () => {
  it("is told by the percent, as qemu-img does it", async () => {
    const { progress, out, after } = telling(true, false, 1000);
    for (const bytes of [5, 4, 1, 500]) {
      after(10_000);
      progress.add(bytes);
    }
    await progress.finish();
    expect(out()).toBe("    (0.00/100%)\r    (1.00/100%)\r    (51.00/100%)\r    (100.00/100%)\r\n");
  });

  it("comes with rate and time left on a terminal, twice a second at least", async () => {
    const { progress, out, after } = telling(true, true, 1000 * MIB);
    after(2000);
    progress.add(5 * MIB);
    after(2000);
    progress.add(95 * MIB);
    await progress.finish();
    const lines = out()
      .split("\r")
      .map((line) => line.trimEnd());
    expect(lines).toEqual([
      "    (0.00/100%)",
      "    (0.50/100%) 2.5 MiB/s, 6:38 left",
      "    (10.00/100%) 25 MiB/s, 0:36 left",
      "    (100.00/100%) 250 MiB/s",
      "",
    ]);
  });

  it("leaves nothing of a longer line behind on a terminal", () => {
    const { progress, out, after } = telling(true, true, 100 * MIB);
    after(1000);
    progress.add(3.3 * MIB);
    after(9000);
    progress.add(96.7 * MIB);
    const [, longer = "", shorter = ""] = out().split("\r");
    expect(shorter.length).toBeGreaterThanOrEqual(longer.length);
  });

  it("tells hours where it takes hours", () => {
    const { progress, out, after } = telling(true, true, 100 * MIB);
    after(100_000);
    progress.add(MIB);
    expect(out()).toContain("2:45:00 left");
  });

  it("is told on standard error to who asks, also where it is not enabled, until the work is done", async () => {
    const { progress, out, err, ask } = telling(false, true, 1000);
    progress.add(123);
    ask();
    await progress.finish();
    ask();
    expect([out(), err()]).toEqual(["", "    (12.30/100%)\n"]);
  });
});
