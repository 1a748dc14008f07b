import { expect, it } from "vitest";
import { HttpClient, type HttpRequest, rangeCounters } from "../src/engine/index.js";
import { sendPrepared } from "../src/engine/prepare.js";
import { turns } from "./fake.js";
import { Heard } from "./fake-wire.js";

it("a request that is called off before it is prepared is not sent, and nobody hears of it", async () => {
  for (const outcome of ["made", "failed"]) {
    const sent: HttpRequest[] = [];
    const transport = {
      send: (request: HttpRequest) => {
        sent.push(request);
        return { cancel: () => undefined };
      },
      close: async () => undefined,
    };
    const client = new HttpClient(transport, { name: "x", counters: rangeCounters() });
    const { promise, resolve, reject } = Promise.withResolvers<HttpRequest>();
    const heard = new Heard();
    const call = sendPrepared(client, { name: "x", prepare: () => promise }, "GET", {}, heard);
    call.cancel();
    if (outcome === "made") resolve({ method: "GET", url: "http://x/", headers: {} });
    else reject(new Error("no"));
    await turns();
    expect([sent, heard.failure]).toEqual([[], undefined]);
  }
});
