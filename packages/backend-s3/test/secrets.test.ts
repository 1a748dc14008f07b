import { inspect } from "node:util";
import { expect, it } from "vitest";
import { openIn, pattern, readAt } from "./disks.js";
import { type Fault, hangUp, refuse } from "./faults.js";
import { startSmallStore } from "./small-store.js";

const account = { accessKeyId: "key", secretAccessKey: "hunter2", sessionToken: "hunter3" };

/** The error, in all its depth. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "it succeeded",
    (error: unknown) => inspect(error, { depth: 20, showHidden: true }),
  );
}

/** A store that says in its error what it was sent, as a helpful one may. */
const echo: Fault = (request, response) => {
  const seen = JSON.stringify(request.headers);
  response.writeHead(403).end(`<Error><Code>SignatureDoesNotMatch</Code><Message>${seen}</Message></Error>`);
};

it.each<[string, Fault]>([
  ["a 403 that repeats the request", echo],
  ["404", refuse(404)],
  ["503", refuse(503)],
  ["a reset", hangUp],
  ["a redirect", (_, response) => response.writeHead(302, { location: "ftp://hunter2@x/" }).end()],
  ["200", (_, response) => response.writeHead(200).end("x")],
])("an error after %s, the name and the counters show no secret and no signature", async (_, fault) => {
  const store = await startSmallStore();
  store.account = account;
  store.put("bucket/disk", pattern(5000));
  const disk = await openIn(store, "disk", { retries: 0 });
  await readAt(disk, 0, 10);
  const signature = /Signature=(\w+)/.exec(store.log.at(-1)?.headers.authorization ?? "")?.[1] ?? "";
  expect(signature).toMatch(/^\w{64}$/);
  store.always = fault;
  for (const text of [
    await failureOf(readAt(disk, 0, 10)),
    await failureOf(openIn(store, "disk", { retries: 0 })),
    inspect(disk, { depth: 20, showHidden: true }),
    JSON.stringify(disk.counters),
    JSON.stringify(disk),
  ]) {
    expect(text).not.toMatch(/hunter[23]/);
    expect(text).not.toContain(signature);
  }
});

it.each([
  { accessKeyId: "key", secretAccessKey: "hunter2", sessionToken: "hunter3\r\nx: y" },
  { accessKeyId: "hunter2\n", secretAccessKey: "hunter2" },
])("neither does one about credentials that cannot be sent", async (credentials) => {
  const store = await startSmallStore();
  const text = await failureOf(openIn(store, "disk", { credentials }));
  expect(text).toContain("ERR_PERMISSION");
  expect(text).not.toMatch(/hunter[23]/);
});
