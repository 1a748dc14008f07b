import { inspect } from "node:util";
import { expect, it } from "vitest";
import { HttpBackend, type HttpOpenOptions } from "../src/index.js";
import { open, pattern, readAt } from "./bytes.js";
import { type Fault, reset, startServer, status } from "./server.js";

const contents = pattern(5000);
const headers = { authorization: "Bearer hunter2" };

/** The error, in all its depth. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "it succeeded",
    (error: unknown) => inspect(error, { depth: 20, showHidden: true }),
  );
}

const secretUrl = (url: string): string => `${url.replace("://", "://me:hunter2@")}?X-Signature=hunter2#hunter2`;

const toSecretPlace: Fault = (_, response) =>
  response.writeHead(302, { location: "ftp://me:hunter2@x/?hunter2" }).end();
const whole: Fault = (_, response) => response.writeHead(200).end("x");

it.each<[string, Fault]>([
  ["403", status(403)],
  ["404", status(404)],
  ["503", status(503)],
  ["a reset", reset],
  ["a redirect", toSecretPlace],
  ["200", whole],
])("an error after %s shows no credentials and no query", async (_, fault) => {
  const server = await startServer(contents);
  const backend = await open(secretUrl(server.url), { retries: 0, headers });
  expect(backend.name).toBe(server.url);
  server.always = fault;
  for (const text of [
    await failureOf(readAt(backend, 0, 10)),
    await failureOf(open(secretUrl(server.url), { retries: 0, headers })),
  ]) {
    expect(text).toContain(server.url);
    expect(text).not.toContain("hunter2");
  }
});

it.each<[string, HttpOpenOptions]>([
  ["gopher://me:hunter2@host/?hunter2", {}],
  ["http://me:hunter2@[/", {}],
  ["http://me%zz:hunter2@127.0.0.1:1/", {}],
  ["http://127.0.0.1:1/?hunter2", { headers: { authorization: "hunter2\r\nx: y" } }],
  ["http://127.0.0.1:1/?hunter2", { headers: { "a b": "hunter2" } }],
  ["http://127.0.0.1:1/?hunter2", { headers: () => ({ authorization: "hunter2\n" }) }],
])("neither does one about what was asked for: %s", async (location, options) => {
  const text = await failureOf(HttpBackend.open(location, options));
  expect(text).toContain("ERR_");
  expect(text).not.toContain("hunter2");
});

it("a header or a part of the URL that no request can have is told of before anything is asked for", async () => {
  const server = await startServer(contents);
  const bad = { authorization: "hunter2\r\nx: y" };
  for (const given of [bad, () => bad]) {
    await expect(open(server.url, { headers: given })).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
  }
  expect(server.log).toEqual([]);
  await open(`${server.url}?a=1#hunter2`);
  expect(server.log[0]?.url).toBe("/disk.img?a=1");
});

it("headers from a function are asked for at each request", async () => {
  const server = await startServer(contents);
  let token = 0;
  const backend = await open(server.url, { headers: async () => ({ Authorization: `Bearer ${++token}` }) });
  await readAt(backend, 0, 10);
  expect(server.log.map((request) => request.headers.authorization)).toEqual(["Bearer 1", "Bearer 2"]);
});
