import { describe, expect, it } from "vitest";
import { nodeTransport } from "@instar/backend-http/node";
import type { HttpRequest, Transport } from "@instar/backend-http/engine";
import { open, openIn, pattern, readAt } from "./disks.js";
import { startSmallStore } from "./small-store.js";

const contents = pattern(5000);
const account = { accessKeyId: "key", secretAccessKey: "hunter2" };

/** Sends what is meant for AWS to the loopback, and notes it. */
function aws(endpoint: string, sent: HttpRequest[]): Transport {
  const inner = nodeTransport();
  return {
    send(request, receiver) {
      sent.push(request);
      const { host, pathname, search } = new URL(request.url);
      const url = `${endpoint}/${host.split(".")[0]}${pathname}${search}`;
      return inner.send({ ...request, url, headers: request.headers }, receiver);
    },
    close: () => inner.close(),
  };
}

describe("a bucket in another region", () => {
  it("is signed for anew, at the same endpoint", async () => {
    const store = await startSmallStore();
    store.account = account;
    store.movedTo = "eu-west-1";
    store.put("bucket/disk", contents);
    const disk = await openIn(store, "disk");
    expect(await readAt(disk, 10, 100)).toEqual(contents.subarray(10, 110));
  });

  it("at AWS is asked at the host of its region, whatever place the redirect names", async () => {
    const store = await startSmallStore();
    store.put("bucket/disk", contents);
    store.faults.push((_, response) =>
      response.writeHead(301, { "x-amz-bucket-region": "eu-west-1", location: "http://127.0.0.1:1/" }).end(),
    );
    const sent: HttpRequest[] = [];
    const transport = aws(store.endpoint, sent);
    const disk = await open({ bucket: "bucket", key: "disk", credentials: account, now: Date.now, transport });
    expect(disk.size).toBe(5000);
    expect(sent.map(({ url }) => new URL(url).host)).toEqual([
      "bucket.s3.us-east-1.amazonaws.com",
      "bucket.s3.eu-west-1.amazonaws.com",
    ]);
    expect(sent[1]?.headers["authorization"]).toContain("/eu-west-1/s3/");
    await disk.close();
    await transport.close();
  });

  it("is signed for anew where the body names the region alone", async () => {
    const store = await startSmallStore();
    store.put("bucket/disk", contents);
    const body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
    store.faults.push((_, response) => response.writeHead(400).end(body));
    const disk = await openIn(store, "disk", { credentials: account, firstRead: 100 });
    expect(disk.size).toBe(5000);
    expect(store.log[1]?.headers.authorization).toContain("/eu-west-1/s3/");
  });

  it.each(["evil.example/", "", "a".repeat(100)])("is not followed to %j", async (region) => {
    const store = await startSmallStore();
    store.always = (_, response) => response.writeHead(301, { "x-amz-bucket-region": region }).end();
    await expect(openIn(store, "disk", { credentials: account })).rejects.toMatchObject({ code: "ERR_IO" });
  });

  it("ends when the store sends it round in circles", async () => {
    const store = await startSmallStore();
    let turn = 0;
    store.always = (_, response) => response.writeHead(301, { "x-amz-bucket-region": `region-${++turn}` }).end();
    await expect(openIn(store, "disk", { retries: 50 })).rejects.toMatchObject({ code: "ERR_IO" });
    expect(store.log.length).toBeLessThan(10);
  });
});

describe("a redirect", () => {
  it("to another host is followed without the credentials", async () => {
    const [front, other] = [await startSmallStore(), await startSmallStore()];
    front.account = { ...account, sessionToken: "hunter3" };
    other.put("elsewhere/disk", contents);
    const location = `${other.endpoint}/elsewhere/disk`;
    front.always = (_, response) => response.writeHead(307, { location }).end();
    const disk = await openIn(front, "disk");
    expect(await readAt(disk, 10, 100)).toEqual(contents.subarray(10, 110));
    expect(front.log[0]?.headers.authorization).toContain("Credential=key/");
    expect(other.log.length).toBeGreaterThan(0);
    for (const { headers } of other.log) {
      expect(Object.keys(headers).filter((name) => name === "authorization" || name.startsWith("x-amz-"))).toEqual([]);
    }
  });
});
