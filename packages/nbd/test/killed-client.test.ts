import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { MemoryBackend } from "@instar/backend";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NbdServer } from "../src/index.js";
import { NBD, NbdClient } from "./nbd-client.js";

const MIB = 1_048_576;

/** Has reads wait until the test lets them go. */
class Held extends MemoryBackend {
  readonly #gate = Promise.withResolvers<void>();
  begun = 0;

  release(): void {
    this.#gate.resolve();
  }

  protected override async doRead(target: Uint8Array, offset: number): Promise<void> {
    this.begun++;
    await this.#gate.promise;
    await super.doRead(target, offset);
  }
}

let disk: Held;
let server: NbdServer;
let listener: Server;
let port: number;
/** Of each client, what settles when the server has done with it. */
let over: Promise<void>[];

beforeEach(async () => {
  disk = new Held({ size: 256 * MIB });
  server = new NbdServer({ exports: [{ name: "", backend: disk }] });
  over = [];
  listener = createServer((socket) => void over.push(server.serve(socket))).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  port = typeof address === "object" && address ? address.port : 0;
});

afterEach(async () => {
  await server.close();
  listener.close();
});

/** Another client is served as if nothing had happened. */
async function expectService(): Promise<void> {
  const client = await NbdClient.connect(port, true);
  expect((await client.request(NBD.write, 0, 3, NBD.fua, Buffer.from("new"))).errno).toBe(0);
  disk.release();
  expect((await client.request(NBD.read, 0, 3)).data.toString()).toBe("new");
  client.socket.destroy();
}

describe("a client that is gone", () => {
  it("within a write changes nothing", async () => {
    const client = await NbdClient.connect(port, false);
    expect((await client.request(NBD.write, 0, 3, 0, Buffer.from("old"))).errno).toBe(0);
    void client.request(NBD.write, 0, 4096, 0, Buffer.alloc(4000, 1));
    client.socket.end();
    await Promise.all(over);
    disk.release();
    const found = Buffer.alloc(4);
    await disk.read(found, 0);
    expect(found.toString()).toBe("old\0");
    await expectService();
  });

  it.each([false, true])(
    "with requests under way lets them end, and nobody waits for it (structured: %s)",
    async (structured) => {
      const client = await NbdClient.connect(port, structured);
      for (let read = 0; read < 32; read++) void client.request(NBD.read, read * 4096, 4096);
      await expect.poll(() => disk.begun).toBe(32);
      client.socket.destroy();
      await expectService();
      await Promise.all(over);
    },
  );

  it("after it wrote without waiting has written what came, and only that", async () => {
    const client = await NbdClient.connect(port, false);
    const first = client.request(NBD.write, 0, 8, NBD.fua, Buffer.alloc(8, 1));
    void client.request(NBD.write, 8, 8, 0, Buffer.alloc(8, 2));
    await first;
    client.socket.end();
    await Promise.all(over);
    disk.release();
    const found = Buffer.alloc(24);
    await disk.read(found, 0);
    expect(found).toEqual(Buffer.concat([Buffer.alloc(8, 1), Buffer.alloc(8, 2), Buffer.alloc(8)]));
  });
});

it("a client that does not read its replies has a bounded share of memory, and others are served", async () => {
  const deaf = await NbdClient.connect(port, true);
  deaf.socket.pause();
  disk.release();
  for (let read = 0; read < 200; read++) void deaf.request(NBD.read, read * MIB, MIB);
  await expectService();
  // 64 MiB are with it, and what the system takes besides.
  await expect.poll(() => disk.begun).toBeGreaterThan(64);
  expect(disk.begun).toBeLessThan(100);
  deaf.socket.destroy();
  await Promise.all(over);
});
