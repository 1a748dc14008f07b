import { describe, expect, it } from "vitest";
import { fetchTransport } from "../src/engine/index.js";
import type { HttpBackend, HttpOpenOptions } from "../src/index.js";
import { nodeTransport } from "../src/node.js";
import { open as openWith, pattern, readAt } from "./bytes.js";
import { type Fault, startServer, status } from "./server.js";

const contents = pattern(5000);
const secrets = { authorization: "Bearer hunter2", cookie: "id=hunter2", "x-token": "hunter2" };

function redirectTo(location: string, code = 302): Fault {
  return (_, response) => response.writeHead(code, { location }).end("moved");
}

describe.each([
  ["of Node", nodeTransport()],
  ["of a fetch that shows redirects", fetchTransport(fetch, { showsRedirects: true })],
])("a redirect, by the client %s,", (_, transport) => {
  const open = (url: string, options?: HttpOpenOptions): Promise<HttpBackend> =>
    openWith(url, { transport, ...options });

  it.each([301, 302, 303, 307, 308])("by %i to another host is followed, without the credentials", async (code) => {
    const [front, other] = [await startServer(contents), await startServer(contents)];
    front.always = redirectTo(other.url, code);
    const backend = await open(front.url, { headers: secrets });
    expect(await readAt(backend, 1000, 1000)).toEqual(contents.subarray(1000, 2000));
    expect(front.log[0]?.headers).toMatchObject(secrets);
    expect(other.log.length).toBeGreaterThan(0);
    for (const { headers } of other.log) {
      expect(JSON.stringify(headers)).not.toContain("hunter2");
      expect(headers).not.toHaveProperty("authorization");
    }
  });

  it("within the host keeps them, and is remembered", async () => {
    const server = await startServer(contents);
    server.faults.push(redirectTo("/elsewhere"));
    const backend = await open(server.url, { headers: secrets });
    await readAt(backend, 0, 10);
    expect(server.log.map(({ url }) => url)).toEqual(["/disk.img", "/elsewhere", "/elsewhere"]);
    for (const { headers } of server.log) expect(headers).toMatchObject(secrets);
  });

  it("keeps userinfo from the other host, both that of the URL and that of the redirect", async () => {
    const [front, other] = [await startServer(contents), await startServer(contents)];
    front.always = redirectTo(other.url.replace("://", "://eve:evil@"));
    await open(front.url.replace("://", "://me:hunter2@"));
    expect(front.log[0]?.headers.authorization).toBe(`Basic ${btoa("me:hunter2")}`);
    expect(other.log[0]?.headers.authorization).toBeUndefined();
  });

  it("whose target has grown stale is asked for anew", async () => {
    const [front, other] = [await startServer(contents), await startServer(contents)];
    let signature = 1;
    front.always = (request, response, serve) =>
      redirectTo(`${other.url}?signature=${signature}`)(request, response, serve);
    other.always = (request, response, serve) => {
      if (request.url?.endsWith(`=${signature}`)) serve();
      else response.writeHead(403).end();
    };
    const backend = await open(front.url);
    await readAt(backend, 0, 10);
    expect(front.log.length).toBe(1);
    signature = 2;
    expect(await readAt(backend, 100, 10)).toEqual(contents.subarray(100, 110));
    expect(front.log.length).toBe(2);
  });

  it("to a place that refuses is not remembered", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { retries: 0 });
    server.faults.push(redirectTo("/gone"), status(404));
    await expect(readAt(backend, 0, 10)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await readAt(backend, 0, 10);
    expect(server.log.slice(1).map(({ url }) => url)).toEqual(["/disk.img", "/gone", "/disk.img"]);
  });

  it("is forgotten where its place has once refused, though nothing leads elsewhere", async () => {
    const server = await startServer(contents);
    server.faults.push(redirectTo("/elsewhere"));
    const backend = await open(server.url);
    server.faults.push(status(403));
    for (let read = 0; read < 2; read++) expect(await readAt(backend, 0, 10)).toEqual(contents.subarray(0, 10));
    const asked = ["/disk.img", "/elsewhere", "/elsewhere", "/disk.img", "/disk.img"];
    expect(server.log.map(({ url }) => url)).toEqual(asked);
  });

  it("in a loop is ERR_IO", async () => {
    const server = await startServer(contents);
    server.always = redirectTo(server.url);
    const message = expect.stringContaining("more than 5 times");
    await expect(open(server.url)).rejects.toMatchObject({ code: "ERR_IO", message, retryable: false });
    expect(server.log.length).toBe(6);
  });

  it("is not followed where none are allowed", async () => {
    const server = await startServer(contents);
    server.always = redirectTo("/elsewhere");
    await expect(open(server.url, { redirects: 0 })).rejects.toMatchObject({ code: "ERR_IO" });
    expect(server.log.length).toBe(1);
  });

  it.each(["file:///etc/passwd", "http://[", "data:text/plain,x"])("to %s is refused", async (location) => {
    const server = await startServer(contents);
    server.always = redirectTo(location);
    await expect(open(server.url)).rejects.toMatchObject({ retryable: false });
  });

  it("without a Location is an error", async () => {
    const server = await startServer(contents);
    server.always = status(302);
    await expect(open(server.url)).rejects.toMatchObject({ code: "ERR_IO" });
  });
});
