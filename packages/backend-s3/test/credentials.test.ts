import { HttpBackend } from "@instar/backend-http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { awsChain, presign, type S3Credentials } from "../src/index.js";
import { openIn, pattern, readAt } from "./disks.js";
import { startSmallStore } from "./small-store.js";

const contents = pattern(5000);
const account = { accessKeyId: "key", secretAccessKey: "hunter2" };

async function storeWith(who: S3Credentials = account): ReturnType<typeof startSmallStore> {
  const store = await startSmallStore();
  store.account = who;
  store.put("bucket/a/disk é+.img", contents);
  return store;
}

const key = "a/disk é+.img";

describe("credentials", () => {
  it("that are right are let in", async () => {
    const store = await storeWith();
    const disk = await openIn(store, key);
    expect(await readAt(disk, 100, 1000)).toEqual(contents.subarray(100, 1100));
  });

  it.each([
    [{ ...account, secretAccessKey: "hunter3" }],
    [{ ...account, accessKeyId: "other" }],
    [{ ...account, sessionToken: "other" }],
    [{ accessKeyId: "", secretAccessKey: "" }],
    [undefined],
  ])("that are wrong, or missing, are ERR_PERMISSION: %j", async (credentials) => {
    const store = await storeWith();
    await expect(openIn(store, key, { credentials })).rejects.toMatchObject({ code: "ERR_PERMISSION" });
  });

  it("may have a session token", async () => {
    const store = await storeWith({ ...account, sessionToken: "token" });
    expect((await openIn(store, key)).size).toBe(5000);
  });

  it("from a function are asked for once, and again a minute before they end", async () => {
    const store = await storeWith();
    let now = Date.now();
    let asked = 0;
    const credentials = async (): Promise<S3Credentials> => {
      asked++;
      return { ...account, expiration: new Date(now + 120_000) };
    };
    const disk = await openIn(store, key, { credentials, now: () => now, joinGap: 0 });
    await Promise.all([readAt(disk, 0, 10), readAt(disk, 4000, 10)]);
    expect(asked).toBe(1);
    now += 61_000;
    await Promise.all([readAt(disk, 0, 10), readAt(disk, 4000, 10)]);
    expect(asked).toBe(2);
  });

  it("that the store calls expired are asked for again", async () => {
    const store = await storeWith({ ...account, sessionToken: "second" });
    const tokens = ["first", "second"];
    store.always = (request, response, serve) => {
      if (request.headers["x-amz-security-token"] === "second" || request.headers.authorization === undefined)
        return serve();
      response.writeHead(403).end("<Error><Code>ExpiredToken</Code></Error>");
    };
    const credentials = (): S3Credentials => ({ ...account, sessionToken: tokens.shift() });
    expect((await openIn(store, key, { credentials })).size).toBe(5000);
  });

  it("that stay expired are ERR_PERMISSION", async () => {
    const store = await storeWith();
    store.always = (_, response) => response.writeHead(403).end("<Error><Code>ExpiredToken</Code></Error>");
    const message = expect.stringContaining("expired");
    await expect(openIn(store, key)).rejects.toMatchObject({ code: "ERR_PERMISSION", message });
  });

  it("that cannot be had are ERR_PERMISSION, with the cause", async () => {
    const store = await storeWith();
    const cause = new Error("no metadata service");
    const credentials = (): never => {
      throw cause;
    };
    await expect(openIn(store, key, { credentials })).rejects.toMatchObject({ code: "ERR_PERMISSION", cause });
  });

  it("can come from the AWS chain", async () => {
    const store = await storeWith();
    const before = { ...process.env };
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: account.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.secretAccessKey,
    });
    try {
      expect((await openIn(store, key, { credentials: awsChain() })).size).toBe(5000);
    } finally {
      process.env = before;
    }
  });

  it("can come from the AWS chain, by a profile of the shared file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "instar-aws-"));
    const file = join(folder, "credentials");
    onTestFinished(() => rm(folder, { recursive: true }));
    const section = (name: string, secret: string): string =>
      `[${name}]\naws_access_key_id = ${account.accessKeyId}\naws_secret_access_key = ${secret}\n`;
    await writeFile(file, section("default", "wrong") + section("right", account.secretAccessKey));
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", file);
    vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
    onTestFinished(() => void vi.unstubAllEnvs());
    const store = await storeWith();
    expect((await openIn(store, key, { credentials: awsChain({ profile: "right" }) })).size).toBe(5000);
    await expect(openIn(store, key, { credentials: awsChain({ profile: "default" }) })).rejects.toMatchObject({
      code: "ERR_PERMISSION",
    });
  });
});

describe("a signature", () => {
  it("serves many reads, and is made anew after five minutes", async () => {
    const store = await storeWith();
    let now = Date.now();
    const disk = await openIn(store, key, { now: () => now });
    for (let index = 0; index < 4; index++) {
      // What is signed in the same second has the same signature anyway.
      now += 60_000;
      await readAt(disk, index, 10);
    }
    const signatures = (): number => new Set(store.log.map(({ headers }) => headers.authorization)).size;
    expect(signatures()).toBe(2);
    now += 301_000;
    await readAt(disk, 0, 10);
    expect(signatures()).toBe(3);
  });

  it("is corrected by the clock of the store where the own one is wrong", async () => {
    const store = await storeWith();
    store.skew = 3_600_000;
    const disk = await openIn(store, key);
    expect(await readAt(disk, 0, 10)).toEqual(contents.subarray(0, 10));
  });

  it("is dated by the store where no clock is handed in", async () => {
    const store = await storeWith();
    store.skew = -86_400_000;
    const disk = await openIn(store, key, { now: undefined });
    expect(await readAt(disk, 0, 10)).toEqual(contents.subarray(0, 10));
    expect(store.asked[0]).toBe("HEAD /");
  });

  it("in a presigned URL lets HttpBackend read any range", async () => {
    const store = await storeWith({ ...account, sessionToken: "token" });
    const credentials = store.account ?? account;
    const url = presign({ bucket: "bucket", key, endpoint: store.endpoint, credentials, time: Date.now() });
    const disk = await HttpBackend.open(url);
    const target = new Uint8Array(1000);
    await disk.read(target, 2000);
    await disk.close();
    expect(target).toEqual(contents.subarray(2000, 3000));
    await expect(HttpBackend.open(url.replace("disk", "desk"))).rejects.toMatchObject({ code: "ERR_PERMISSION" });
  });
});
