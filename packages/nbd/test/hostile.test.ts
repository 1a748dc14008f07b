import { connect, type Socket } from "node:net";
import { MemoryBackend } from "@instar/backend";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NbdServer } from "../src/index.js";

const GREETING = 18;
let server: NbdServer;
let disk: MemoryBackend;
let port: number;

beforeEach(async () => {
  disk = new MemoryBackend({ size: 65_536 });
  server = new NbdServer({ exports: [{ name: "", backend: disk }] });
  port = (await server.listen({ port: 0, host: "127.0.0.1" })) ?? 0;
});
afterEach(() => server.close());

function option(type: number, length: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(16);
  head.write("IHAVEOPT");
  head.writeUInt32BE(type, 8);
  head.writeUInt32BE(length, 12);
  return Buffer.concat([head, payload]);
}

function request(type: number, offset: bigint, length: number, magic = 0x25609513): Buffer {
  const head = Buffer.alloc(28);
  head.writeUInt32BE(magic);
  head.writeUInt16BE(type, 6);
  head.writeBigUInt64BE(offset, 16);
  head.writeUInt32BE(length, 24);
  return head;
}

const flags = Buffer.from([0, 0, 0, 3]);
const begun = Buffer.concat([flags, option(1, 0)]);
const disconnect = request(2, 0n, 0);

/** Sends bytes and resolves to all that comes back, when the server has closed the connection. */
function talk(bytes: Uint8Array, finish = false): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket: Socket = connect(port, "127.0.0.1", () => (finish ? socket.end(bytes) : socket.write(bytes)));
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(parts).subarray(GREETING)));
  });
}

test.each([
  ["unknown flags", Buffer.from([0, 0, 0, 255])],
  ["an option with a bad magic", Buffer.concat([flags, Buffer.alloc(16, 1)])],
  ["an option of 4 GiB", Buffer.concat([flags, option(6, 0xffffffff)])],
  ["options without end", Buffer.concat([flags, ...Array.from({ length: 1000 }, () => option(99, 0))])],
  ["a request with a bad magic", Buffer.concat([begun, request(0, 0n, 0, 1)])],
  ["a write of 4 GiB", Buffer.concat([begun, request(1, 0n, 0xffffffff)])],
])("%s ends the connection", async (_, bytes) => {
  await talk(bytes);
});

test.each([
  ["a truncated option", Buffer.concat([flags, option(7, 100)])],
  ["a write without its payload", Buffer.concat([begun, request(1, 0n, 4096), Buffer.alloc(100, 9)])],
])("%s changes nothing", async (_, bytes) => {
  await talk(bytes, true);
  const found = new Uint8Array(4096);
  await disk.read(found, 0);
  expect(found.every((byte) => byte === 0)).toBe(true);
});

test.each([
  ["a read at 2^63", request(0, 1n << 63n, 512), 22],
  ["a read past the end", request(0, 65_536n, 1), 22],
  ["a write past the end", Buffer.concat([request(1, 65_535n, 2), Buffer.alloc(2)]), 28],
  ["a command that is none", request(77, 0n, 0), 22],
  ["block status that was not agreed on", request(7, 0n, 512), 22],
])("%s is refused, and the connection goes on", async (_, bytes, errno) => {
  const answer = await talk(Buffer.concat([begun, bytes, request(3, 0n, 0), disconnect]));
  const codes = [answer.readUInt32BE(10 + 4), answer.readUInt32BE(10 + 16 + 4)];
  expect(codes.sort((a, b) => b - a)).toEqual([errno, 0]);
});

test("closing the server finishes a write, and a client that never says goodbye holds nothing up", async () => {
  const socket = connect(port, "127.0.0.1");
  socket.write(Buffer.concat([begun, request(1, 0n, 3), Buffer.from([1, 2, 3])]));
  let received = 0;
  await new Promise<void>((resolve) => {
    socket.on("data", (part: Buffer) => {
      received += part.byteLength;
      if (received >= GREETING + 10 + 16) resolve();
    });
  });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await server.close();
  await closed;
  const found = new Uint8Array(3);
  await disk.read(found, 0);
  expect([...found]).toEqual([1, 2, 3]);
});

test.each([
  ["no exports", []],
  ["two exports of one name", ["a", "a"]],
  ["a name that is too long", ["n".repeat(4097)]],
])("%s are refused with a code", (_, names) => {
  const exports = names.map((name) => ({ name, backend: disk }));
  expect(() => new NbdServer({ exports })).toThrow(expect.objectContaining({ code: "ERR_RANGE" }));
});
