import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { BIN, instar, scratch } from "./harness.js";

const at = scratch();

describe("SIGINT and SIGTERM", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s between commands leaves a consistent image, and exits with %d", async (signal, code) => {
    await instar(["create", "-q", "-f", "qcow2", at("disk.qcow2"), "10M"]);
    const child = spawn(process.execPath, [BIN, "io", at("disk.qcow2")], { stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.write("write -q -P 7 1M 1M\nlength\n");
    // The answer to the second command says that the first one is done.
    await once(child.stdout, "data");
    child.kill(signal);
    expect(await once(child, "exit")).toEqual([code, null]);
    expect((await instar(["check", at("disk.qcow2")])).code).toBe(0);
    expect((await instar(["io", "-r", "-c", "read -q -P 7 1M 1M", at("disk.qcow2")])).code).toBe(0);
  });

  it("ends a command that waits", async () => {
    await instar(["create", "-q", "-f", "qcow2", at("idle.qcow2"), "10M"]);
    let stop: (signal: "SIGINT") => void = () => {};
    const outcome = instar(["io", "-c", "length", "-c", "sleep 100000", at("idle.qcow2")], {
      onStart: (given) => (stop = given),
    });
    setImmediate(() => stop("SIGINT"));
    expect((await outcome).code).toBe(130);
  });
});
