import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { BIN, HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();

describe("serve", () => {
  it.skipIf(!HAS_QEMU).each([
    ["a TCP port", ["-p", "0"]],
    ["a Unix socket", ["-k", at("socket")]],
  ])(`writes over %s are in the image after SIGTERM ${NEEDS_QEMU}`, async (_, where) => {
    const disk = at("disk.qcow2");
    await instar(["create", "-q", "-f", "qcow2", disk, "10M"]);
    const child = spawn(process.execPath, [BIN, "serve", ...where, "-x", "a disk", disk]);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const url = line.toString().trim();
    // Without a flush: stopping is what makes it safe. A second client stays connected.
    await qemu("qemu-io", "-t", "unsafe", "-f", "raw", "-c", "write -P 7 1M 3M", "-c", "read -P 7 1M 3M", url);
    const idle = spawn("qemu-io", ["-r", "-f", "raw", url]);
    await once(idle.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    idle.stdin.end();
    await qemu("qemu-img", "check", disk);
    await qemu("qemu-io", "-r", "-c", "read -P 7 1M 3M", "-c", "read -P 0 4M 6M", disk);
  });

  it.skipIf(!HAS_QEMU)(`-r refuses writes ${NEEDS_QEMU}`, async () => {
    const disk = at("fixed.qcow2");
    await instar(["create", "-q", "-f", "qcow2", disk, "1M"]);
    const child = spawn(process.execPath, [BIN, "serve", "-p", "0", "-r", disk]);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { err } = await program("qemu-io", ["-f", "raw", "-c", "write 0 512", line.toString().trim()]);
    expect(err).toMatch(/Permission denied/);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it.each([
    ["no file", ["serve"], /expecting one image/],
    ["a port and a socket", ["serve", "-p", "1", "-k", "a", "disk"], /cannot go with/],
    ["a port that is none", ["serve", "-p", "70000", "disk"], /-p/],
  ])("refuses %s", async (_, argv, message) => {
    const { code, err } = await instar(argv);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });

  it("says where it cannot listen", async () => {
    await instar(["create", "-q", "-f", "qcow2", at("nowhere.qcow2"), "1M"]);
    const { code, err } = await instar(["serve", "-k", at("no", "socket"), at("nowhere.qcow2")]);
    expect(code).toBe(1);
    expect(err).toMatch(/could not listen on/);
  });
});
