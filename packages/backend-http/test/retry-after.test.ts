import { describe, expect, it } from "vitest";
import type { Clock } from "../src/engine/index.js";
import { retryAfter } from "../src/engine/headers.js";
import { open, pattern, readAt } from "./bytes.js";
import { type Fault, startServer } from "./server.js";

const contents = pattern(1000);
const asksFor = (pause: string): Fault => {
  return (_, response) => void response.writeHead(503, { "retry-after": pause }).end();
};

/** A clock on which no time passes but the pause that is waited for. */
function clockFor(pause: number): Clock {
  return {
    now: () => 0,
    after(milliseconds, run) {
      if (milliseconds === pause) setImmediate(run);
      return () => undefined;
    },
  };
}

describe("Retry-After", () => {
  it.each([
    [{ "retry-after": "3" }, 3000],
    [{ "retry-after": " 0 " }, 0],
    [{ "retry-after": "Mon, 01 Jan 2024 00:00:07 GMT", date: "Mon, 01 Jan 2024 00:00:02 GMT" }, 5000],
    [{ "retry-after": "Mon, 01 Jan 2024 00:00:00 GMT", date: "Mon, 01 Jan 2024 00:00:02 GMT" }, 0],
    [{ "retry-after": "Mon, 01 Jan 2024 00:00:00 GMT" }, undefined],
    [{ "retry-after": "soon", date: "Mon, 01 Jan 2024 00:00:02 GMT" }, undefined],
    [{}, undefined],
  ])("%j is a pause of %j ms", (headers, pause) => {
    expect(retryAfter(headers)).toBe(pause);
  });

  it("is kept to when an object is opened, and when it is read", async () => {
    const server = await startServer(contents);
    server.faults.push(asksFor("3"));
    const backend = await open(server.url, { clock: clockFor(3000), random: () => 0 });
    expect(backend.counters).toMatchObject({ requests: 2, retries: 1 });
    server.faults.push(asksFor("3"));
    expect(await readAt(backend, 100, 100)).toEqual(contents.subarray(100, 200));
    expect(backend.counters.retries).toBe(2);
  });

  it("that is longer than one would wait is reported at once", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { maxRetryAfter: 2999 });
    const before = backend.counters.requests;
    server.always = asksFor("3");
    const message = expect.stringContaining(
      "503: the server is overloaded; the server asks for a pause of 3 s",
    ) as string;
    await expect(readAt(backend, 100, 100)).rejects.toMatchObject({ code: "ERR_IO", retryable: true, message });
    await expect(open(server.url, { maxRetryAfter: 2999 })).rejects.toMatchObject({ code: "ERR_IO", message });
    expect([backend.counters.requests, server.log.length]).toEqual([before + 1, before + 2]);
  });
});
