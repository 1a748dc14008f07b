import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { certificate } from "./certificate.js";
import { instar, scratch } from "./harness.js";

const at = scratch();
const keys = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "hunter2" };

/** A store that has one empty object under any name, and notes what it is asked for. */
async function store(tls = false): Promise<{ readonly endpoint: string; readonly asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const answer: RequestListener = (request, response) => {
    asked.push(request);
    const headers = { etag: '"1"', "content-length": "512", "content-range": "bytes 0-511/512" };
    response.writeHead(request.headers.authorization === undefined ? 403 : 206, headers).end(new Uint8Array(512));
  };
  const server = tls ? createTlsServer(certificate, answer) : createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http${tls ? "s" : ""}://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const regionOf = (request: IncomingMessage | undefined): string | undefined =>
  /Credential=key\/\d+\/([^/]+)\/s3\//.exec(request?.headers.authorization ?? "")?.[1];

it("the endpoint is that of the URL, else the one for S3, else the one for all", async () => {
  const [one, two, three] = [await store(), await store(), await store()];
  const env = { ...keys, AWS_ENDPOINT_URL: three.endpoint };
  const info = (url: string, more: Record<string, string> = {}) => instar(["info", url], { env: { ...env, ...more } });
  expect(await info("s3://disks/a")).toMatchObject({ code: 0, err: "" });
  expect(await info("s3://disks/b", { AWS_ENDPOINT_URL_S3: two.endpoint })).toMatchObject({ code: 0 });
  const given = `s3://disks/c?endpoint=${one.endpoint}`;
  expect(await info(given, { AWS_ENDPOINT_URL_S3: two.endpoint })).toMatchObject({ code: 0 });
  expect([one, two, three].map(({ asked }) => asked[0]?.url)).toEqual(["/disks/c", "/disks/b", "/disks/a"]);
});

it("the region is that of the URL, else of AWS_REGION, else of AWS_DEFAULT_REGION", async () => {
  const { endpoint, asked } = await store();
  const env = { ...keys, AWS_ENDPOINT_URL: endpoint };
  await instar(["info", "s3://disks/a"], { env });
  await instar(["info", "s3://disks/a"], { env: { ...env, AWS_DEFAULT_REGION: "r-3" } });
  await instar(["info", "s3://disks/a"], { env: { ...env, AWS_DEFAULT_REGION: "r-3", AWS_REGION: "r-2" } });
  await instar(["info", "s3://disks/a?region=r-1"], { env: { ...env, AWS_REGION: "r-2" } });
  expect(asked.map(regionOf)).toEqual(["us-east-1", "r-3", "r-2", "r-1"]);
});

it("a session token goes along, and who has no key asks anonymously, and is told so when that is refused", async () => {
  const { endpoint, asked } = await store();
  const env = { AWS_ENDPOINT_URL: endpoint };
  expect((await instar(["info", "s3://disks/a"], { env: { ...env, ...keys, AWS_SESSION_TOKEN: "t" } })).code).toBe(0);
  expect(asked[0]?.headers["x-amz-security-token"]).toBe("t");
  const { code, err } = await instar(["info", "s3://disks/a"], { env });
  expect(asked.at(-1)?.headers).not.toHaveProperty("authorization");
  expect([code, err]).toEqual([
    1,
    expect.stringContaining("(asked without credentials: AWS_ACCESS_KEY_ID is not set)"),
  ]);
});

it("no other option goes with an object than how far to read ahead", async () => {
  const { endpoint } = await store();
  const env = { ...keys, AWS_ENDPOINT_URL: endpoint };
  const described = "driver=raw,file.filename=s3://disks/a,file.readahead=64k";
  expect(await instar(["info", "--image-opts", described], { env })).toMatchObject({ code: 0, err: "" });
  const { code, err } = await instar(["info", "--image-opts", `${described},file.cookie=hidden`], { env });
  expect([code, err]).toEqual([1, expect.stringContaining("cookie: s3 has no such option")]);
});

it("a command that waits for a store ends when it is asked to", async () => {
  const asked = Promise.withResolvers<void>();
  const server = createServer(() => asked.resolve()).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const env = { ...keys, AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  for (const argv of [
    ["info", "s3://disks/a"],
    ["create", "-f", "raw", "s3://disks/a", "1M"],
  ]) {
    let stop: (signal: "SIGTERM") => void = () => {};
    const outcome = instar(argv, { env, onStart: (given) => (stop = given) });
    await asked.promise;
    stop("SIGTERM");
    expect(await outcome).toMatchObject({ code: 143 });
  }
});

it("AWS_CA_BUNDLE names the certificates that are trusted", async () => {
  const { endpoint, asked } = await store(true);
  const env = { ...keys, AWS_ENDPOINT_URL: endpoint };
  expect((await instar(["info", "s3://disks/a"], { env })).err).toContain("self-signed certificate");
  expect(asked).toEqual([]);
  writeFileSync(at("ca.pem"), certificate.cert);
  expect(await instar(["info", "s3://disks/a"], { env: { ...env, AWS_CA_BUNDLE: at("ca.pem") } })).toMatchObject({
    code: 0,
  });
  const { code, err } = await instar(["info", "s3://disks/a"], { env: { ...env, AWS_CA_BUNDLE: at("none.pem") } });
  expect([code, err]).toEqual([1, expect.stringMatching(/AWS_CA_BUNDLE: .*none\.pem/)]);
});
