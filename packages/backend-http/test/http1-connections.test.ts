import { describe, expect, it } from "vitest";
import type { HttpMethod, Transport } from "../src/engine/index.js";
import { http1Transport } from "../src/http1/http1-transport.js";
import { type FakeWire, fakeWires, Heard } from "./fake-wire.js";

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

function setUp(connections?: number) {
  const { wires, open } = fakeWires();
  const transport: Transport = http1Transport(open, connections);
  const ask = (path = "/", method: HttpMethod = "GET") => {
    const heard = new Heard();
    const request = transport.send({ method, url: `http://host${path}`, headers: {} }, heard);
    return { heard, request };
  };
  const wire = (index: number) => {
    const found = wires[index];
    if (!found) throw new Error(`there are ${wires.length} connections`);
    return found;
  };
  return { wires, wire, transport, ask };
}

describe("the connection of a response", () => {
  it.each<[string, string, number, HttpMethod?]>([
    ["with a length", ok, 4000],
    ["that says for how long", ok.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=20, max=5\r\n\r\n"), 19_000],
    ["that says for very long", ok.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=9999\r\n\r\n"), 60_000],
    ["to a HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", 4000, "HEAD"],
    ["of 1.0 that says so", ok.replace("1.1", "1.0").replace("\r\n\r\n", "\r\nConnection: Keep-Alive\r\n\r\n"), 4000],
  ])("%s is used again", (_, response, limit, method) => {
    const { wires, wire, ask } = setUp();
    ask("/1", method);
    wire(0).events.connected();
    wire(0).receive(response);
    expect(wire(0).resting).toBe(limit);
    const second = ask("/2");
    expect(wire(0).resting).toBe(undefined);
    wire(0).receive(ok);
    expect(second.heard).toMatchObject({ body: "ok", failure: null });
    expect(wires.length).toBe(1);
  });

  it.each<[string, string, HttpMethod?]>([
    ["that ends it", ok.replace("\r\n\r\n", "\r\nConnection: x, Close\r\n\r\n")],
    ["that ends it in a second", ok.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=1\r\n\r\n")],
    ["of 1.0", ok.replace("1.1", "1.0")],
    ["with something behind it", `${ok}HTTP/1.1 200 OK`],
    ["that refuses a HEAD", "HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\n\r\n", "HEAD"],
  ])("%s is not", (_, response, method) => {
    const { wires, wire, ask } = setUp();
    const { heard } = ask("/1", method);
    wire(0).events.connected();
    wire(0).receive(response);
    expect(heard.failure).toBe(null);
    expect(wire(0).destroyed).toBe(true);
    ask("/2");
    expect(wires.length).toBe(2);
  });

  it("that comes before all of the request is sent is not", () => {
    const { wire, ask } = setUp();
    const { heard } = ask("/1", "PUT");
    wire(0).events.connected();
    wire(0).sent = false;
    wire(0).receive(ok);
    expect(heard.failure).toBe(null);
    expect(wire(0).destroyed).toBe(true);
  });
});

it.each<[string, (wire: FakeWire) => void]>([
  ["bytes that nobody asked for", (wire) => wire.receive(ok)],
  ["its other side, or too long a rest", (wire) => wire.events.ended()],
])("%s end a connection that rests, and no request is given to it from then on", (_, end) => {
  const { wires, wire, ask } = setUp();
  ask();
  wire(0).events.connected();
  wire(0).receive(ok);
  end(wire(0));
  expect(wire(0).destroyed).toBe(true);
  ask();
  expect(wires.length).toBe(2);
});

it("a request waits for the first connection that can take it", () => {
  const { wires, wire, ask } = setUp();
  ask("/1");
  wire(0).events.connected();
  const second = ask("/2");
  expect(wires.length).toBe(2);
  // The one on its way is overtaken by the one that was busy.
  wire(0).receive(ok);
  expect(wire(0).text).toContain("GET /2");
  wire(0).receive(ok);
  expect(second.heard.failure).toBe(null);
  wire(1).events.connected();
  expect(wire(1)).toMatchObject({ text: "", resting: 4000 });
});

it("who asks from within the end of a response has its connection", () => {
  const { wires, wire, ask } = setUp();
  const first = ask("/1");
  first.heard.onEnd = () => ask("/2");
  wire(0).events.connected();
  wire(0).receive(ok);
  expect(wires.length).toBe(1);
  expect(wire(0).text).toContain("GET /2");
});

it("a connection that cannot be made fails one request, and the others go on", async () => {
  const { wire, ask } = setUp();
  const [first, second] = [ask("/1"), ask("/2")];
  const refused = new Error("refused");
  wire(0).events.closed(refused);
  expect(first.heard.failure).toBe(refused);
  expect(second.heard.failure).toBe(undefined);
  wire(1).events.connected();
  wire(1).receive(ok);
  expect(second.heard.failure).toBe(null);
});

describe("a request that is called off", () => {
  it("ends its connection, and hears no more", async () => {
    const { wires, wire, ask } = setUp();
    const { heard, request } = ask("/1");
    wire(0).events.connected();
    wire(0).receive(ok.slice(0, -1));
    request.cancel();
    expect(wire(0).destroyed).toBe(true);
    wire(0).receive("k");
    await Promise.resolve();
    expect(heard).toMatchObject({ body: "o", failure: undefined });
    ask("/2");
    expect(wires.length).toBe(2);
  });

  it("within its own data hears no more of the same bytes", () => {
    const { wire, ask } = setUp();
    const { heard, request } = ask("/1");
    heard.data = () => {
      heard.body += "*";
      request.cancel();
    };
    wire(0).events.connected();
    wire(0).receive("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    expect(heard).toMatchObject({ body: "*", failure: undefined });
    expect(wire(0).destroyed).toBe(true);
  });

  it("within the last of its data leaves no connection behind that others would be given", async () => {
    const { wires, wire, ask } = setUp();
    const { heard, request } = ask("/1");
    heard.data = () => request.cancel();
    wire(0).events.connected();
    wire(0).receive(ok);
    expect(wire(0).destroyed).toBe(true);
    const second = ask("/2");
    expect(wires.length).toBe(2);
    await Promise.resolve();
    expect(second.heard.failure).toBe(undefined);
  });

  it("before it has a connection gives up the one that was tried longest", async () => {
    const { wires, wire, ask } = setUp();
    const [first, second] = [ask("/1"), ask("/2")];
    second.request.cancel();
    expect(wires.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    await Promise.resolve();
    expect(first.heard.failure).toBe(undefined);
    wire(1).events.connected();
    expect(wire(1).text).toContain("GET /1");
  });
});

it("closing fails what is under way and what waits, and ends every connection", async () => {
  const { wires, wire, transport, ask } = setUp();
  ask("/rests");
  wire(0).events.connected();
  const [busy, waits] = [ask("/busy"), ask("/waits")];
  wire(0).receive(ok);
  await transport.close();
  expect(wires.map(({ destroyed }) => destroyed)).toEqual([true, true, true]);
  for (const { heard } of [busy, waits]) expect(heard.failure).toBeInstanceOf(Error);
  const late = ask("/late");
  await Promise.resolve();
  expect(late.heard.failure).toBeInstanceOf(Error);
  expect(wires.length).toBe(3);
});

describe("connections that are opened ahead", () => {
  it("are there for the requests that follow the first one", () => {
    const { wires, wire, ask } = setUp(3);
    ask("/1");
    expect(wires.length).toBe(3);
    wire(1).events.connected();
    expect(wire(1).text).toContain("GET /1");
    wire(0).events.connected();
    expect(wire(0)).toMatchObject({ text: "", resting: 4000 });
    ask("/2");
    expect(wire(0).text).toContain("GET /2");
    ask("/3");
    expect(wires.length).toBe(3);
    ask("/4");
    expect(wires.length).toBe(4);
  });

  it("are those of the first origin only, and of its first request", async () => {
    const { wires, wire, transport, ask } = setUp(2);
    ask("/1");
    transport.send({ method: "GET", url: "http://elsewhere/", headers: {} }, new Heard());
    expect(wires.map(({ origin }) => origin)).toEqual(["http://host/", "http://host/", "http://elsewhere/"]);
    wire(0).events.connected();
    wire(1).events.connected();
    wire(0).receive(ok.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    wire(1).events.closed(undefined);
    await Promise.resolve();
    ask("/2");
    expect(wires.length).toBe(4);
  });

  it("fail no request, as long as one of them can be made", () => {
    const { wire, ask } = setUp(2);
    const { heard } = ask("/1");
    const refused = new Error("refused");
    wire(0).events.closed(new Error("reset"));
    expect(heard.failure).toBe(undefined);
    wire(1).events.closed(refused);
    expect(heard.failure).toBe(refused);
  });
});
