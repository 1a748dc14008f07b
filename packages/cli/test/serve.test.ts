import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BIN, HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
const HAS_OPENSSL = spawnSync("openssl", ["version"]).status === 0;
const NEEDS_OPENSSL = HAS_OPENSSL ? "" : "(skipped: Debian package openssl is not installed)";

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

  it.skipIf(!HAS_OPENSSL || !HAS_QEMU)(`TLS with certificates ${NEEDS_OPENSSL} ${NEEDS_QEMU}`, async () => {
    const files = ["-keyout", "server-key.pem", "-out", "server-cert.pem"];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...names, ...files];
    expect(spawnSync("openssl", made, { cwd: at() }).status).toBe(0);
    copyFileSync(at("server-cert.pem"), at("ca-cert.pem"));
    const disk = at("secure.qcow2");
    await instar(["create", "-q", "-f", "qcow2", disk, "1M"]);
    const child = spawn(process.execPath, [BIN, "serve", "-p", "0", "-r", `--tls-certificates=${at()}`, disk]);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const port = /^nbds:\/\/127\.0\.0\.1:(\d+)\/\n$/.exec(line.toString())?.[1] ?? "";
    const credentials = ["--object", `tls-creds-x509,id=t,dir=${at()},endpoint=client`, "--image-opts"];
    const source = `driver=nbd,host=localhost,port=${port}`;
    const { out } = await program("qemu-img", ["info", ...credentials, `${source},tls-creds=t`]);
    expect(out).toContain("virtual size: 1 MiB");
    expect((await program("qemu-img", ["info", "--image-opts", source])).err).toMatch(/TLS/i);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it.each([
    ["TLS without certificates", ["serve", "--tls=require", "disk"], /needs --tls-certificates/],
    ["a wish for certificates of others alone", ["serve", "--tls-verify-peer", "disk"], /needs --tls-certificates/],
    ["a mode that is none", ["serve", "--tls=maybe", "--tls-certificates=.", "disk"], /must be on, off or require/],
    ["certificates for nothing", ["serve", "--tls=off", "--tls-certificates=.", "disk"], /cannot go with/],
    ["certificates that are missing", ["serve", "--tls-certificates=/none", "disk"], /server-cert\.pem/],
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
