import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { instar, type Outcome, scratch } from "./harness.js";
import { type ObjectStore, objectStore } from "./object-store.js";

const at = scratch();
let store: ObjectStore;
const MIB = 1_048_576;
const hasQemu = spawnSync("qemu-img", ["--version"]).status === 0;

const run = (...argv: string[]): Promise<Outcome> => instar(argv, { env: store.env });

beforeAll(async () => {
  store = await objectStore();
  writeDisk(at("disk.raw"), 4 * MIB, SEED);
  await instar(["convert", "-O", "qcow2", at("disk.raw"), at("disk.qcow2")]);
  await store.upload("images/disk.qcow2", at("disk.qcow2"));
});

const same = (path: string): boolean => readFileSync(path).equals(readFileSync(at("disk.raw")));

describe("an object", () => {
  it("is an image like any other", async () => {
    const name = store.url("images/disk.qcow2");
    const { code, out, err } = await run("info", "--output=json", name);
    expect([code, err]).toEqual([0, ""]);
    expect(JSON.parse(out)).toMatchObject({ format: "qcow2", "virtual-size": 4 * MIB });
    expect((await run("compare", name, at("disk.raw"))).out).toBe("Images are identical.\n");
    expect((await run("check", name)).code).toBe(0);
  });

  it("is converted from, with progress and a count of what was asked for", async () => {
    const { code, out, err } = await run(
      "convert",
      "-p",
      "--stats",
      "-O",
      "raw",
      store.url("images/disk.qcow2"),
      at("a.raw"),
    );
    expect([code, same(at("a.raw"))]).toEqual([0, true]);
    expect(out).toContain("100.00");
    expect(err).toMatch(/stats: s3:\/\/[^\n]*disk\.qcow2: requests \d+, bytes \d+, retries 0, cache hits \d+/);
    expect(err).not.toContain(store.env["AWS_SECRET_ACCESS_KEY"]);
  });

  it("is converted to, and any tool can fetch it", async () => {
    const target = store.url("images/made.qcow2");
    const { code, err } = await run("convert", "-p", "--stats", "-O", "qcow2", at("disk.raw"), target);
    expect([code, err]).toEqual([0, expect.stringContaining("requests")]);
    await store.download("images/made.qcow2", at("made.qcow2"));
    const { size } = statSync(at("made.qcow2"));
    // What was to find out what the store honours comes to a few bytes.
    const sent = Number(/bytes \d+, sent (\d+), retries/.exec(err)?.[1]);
    expect([sent >= size, sent < size + 1000]).toEqual([true, true]);
    expect((await instar(["compare", at("made.qcow2"), at("disk.raw")])).code).toBe(0);
  });

  it.skipIf(!hasQemu)("that was written to passes qemu-img (from the Debian package qemu-utils)", async () => {
    const name = store.url("images/large.qcow2");
    expect(await run("create", "-q", "-f", "qcow2", name, "64M")).toMatchObject({ code: 0, err: "" });
    const fill = ["io", "-c", "write -P 7 0 24M", "-c", "flush", "-c", "write -P 8 11M 64k", name];
    expect(await run(...fill)).toMatchObject({ code: 0, err: "" });
    expect(await run("io", "-c", "write -z 2M 1M", "-c", "write -P 9 40M 1M", name)).toMatchObject({
      code: 0,
      err: "",
    });
    await store.download("images/large.qcow2", at("large.qcow2"));
    expect(spawnSync("qemu-img", ["check", at("large.qcow2")]).status).toBe(0);
    const reads = ["read -P 7 0 2M", "read -P 0 2M 1M", "read -P 8 11M 64k", "read -P 7 12M 12M", "read -P 9 40M 1M"];
    const { stdout, status } = spawnSync("qemu-io", [...reads.flatMap((read) => ["-c", read]), at("large.qcow2")]);
    expect([status, String(stdout)]).toEqual([0, expect.not.stringContaining("failed")]);
  });

  it("stands below a local overlay, once the gate lets it", async () => {
    const base = store.url("images/disk.qcow2");
    const over = at("over.qcow2");
    expect(await run("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", over)).toMatchObject({
      code: 0,
      err: "",
    });
    const refused = await run("compare", over, at("disk.raw"));
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("--allow-url")]);
    const allow = ["--allow-url", store.url("images/")];
    expect((await run("compare", ...allow, over, at("disk.raw"))).code).toBe(0);
    expect(await run("io", ...allow, "-c", "write -q -P 5 1M 64k", over)).toMatchObject({ code: 0, err: "" });
    const { code } = await run("convert", ...allow, "-O", "raw", over, at("over.raw"));
    expect([code, readFileSync(at("over.raw"))[MIB]]).toEqual([0, 5]);
    expect((await run("compare", base, at("disk.raw"))).code).toBe(0);
  });

  it("finds its backing file beside it, in the same store and in no other", async () => {
    const name = store.url("images/over.qcow2");
    expect(await run("create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", name)).toMatchObject({
      code: 0,
      err: "",
    });
    expect((await run("compare", name, at("disk.raw"))).code).toBe(0);
    const evil = store.url("images/disk.qcow2").replace(/endpoint=.*/, "endpoint=http://127.0.0.1:1");
    const trap = store.url("images/trap.qcow2");
    expect((await run("create", "-q", "-u", "-f", "qcow2", "-b", evil, "-F", "qcow2", trap, "4M")).code).toBe(0);
    const { code, err } = await run("compare", trap, at("disk.raw"));
    expect([code, err]).toEqual([2, expect.stringContaining("not in a place that images may name")]);
  });

  it("that was to be made is not there when that fails, and one that was there stays", async () => {
    const missing = at("missing.raw");
    expect((await run("convert", "-O", "raw", missing, store.url("images/new.raw"))).code).toBe(1);
    expect(await store.exists("images/new.raw")).toBe(false);
    const bad = [
      "convert",
      "-O",
      "qcow2",
      "-o",
      "compat=0.10,refcount_bits=8",
      at("disk.raw"),
      store.url("images/disk.qcow2"),
    ];
    expect((await run(...bad)).code).toBe(1);
    expect((await run("compare", store.url("images/disk.qcow2"), at("disk.raw"))).code).toBe(0);
  });

  it("that is missing, or without right credentials, is told of without a secret", async () => {
    const { code, err } = await run("info", store.url("images/missing"));
    expect([code, err]).toEqual([1, expect.stringMatching(/^instar: info: could not open 's3:[^\n]*\n$/)]);
    expect((await run("info", "s3://bucket")).code).toBe(1);
    const env = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "hunter2\n", AWS_SESSION_TOKEN: "hunter3\n" };
    const wrong = await instar(["info", "--stats", store.url("images/disk.qcow2")], { env });
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain("credentials");
    expect(wrong.err).not.toMatch(/hunter/);
  });
});
