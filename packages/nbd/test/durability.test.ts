import { MemoryBackend } from "@instar/backend";
import { afterEach, beforeEach, expect, it } from "vitest";
import { NbdServer } from "../src/index.js";
import { NBD, NbdClient } from "./nbd-client.js";

/** Writes down the order of things; a sync takes until the test lets it go. */
class Diary extends MemoryBackend {
  readonly entries: string[] = [];
  readonly gate = Promise.withResolvers<void>();

  protected override async doWrite(source: Uint8Array, offset: number): Promise<void> {
    await super.doWrite(source, offset);
    this.entries.push("written");
  }

  protected override async doSync(): Promise<void> {
    await this.gate.promise;
    this.entries.push("durable");
  }
}

let disk: Diary;
let server: NbdServer;
let client: NbdClient;

beforeEach(async () => {
  disk = new Diary({ size: 65_536 });
  server = new NbdServer({ exports: [{ name: "", backend: disk }] });
  client = await NbdClient.connect((await server.listen({ port: 0, host: "127.0.0.1" })) ?? 0, true);
});

afterEach(async () => {
  client.socket.destroy();
  disk.gate.resolve();
  await server.close();
});

it.each([
  ["a write with FUA", NBD.write, 4, NBD.fua, Buffer.from("data")],
  ["zeroes with FUA", NBD.writeZeroes, 4096, NBD.fua, undefined],
  ["a trim with FUA", NBD.trim, 4096, NBD.fua, undefined],
  ["a flush", NBD.flush, 0, 0, undefined],
])("%s is answered when it is durable", async (_, type, length, flags, payload) => {
  const answered = client.request(type, 0, length, flags, payload).then(() => disk.entries.push("answered"));
  // What is asked for later and answered before shows that the answer has had its time.
  await client.request(NBD.read, 0, 1);
  disk.gate.resolve();
  await answered;
  expect(disk.entries.slice(-2)).toEqual(["durable", "answered"]);
});

it("a write without it waits for no sync", async () => {
  await client.request(NBD.write, 0, 4, 0, Buffer.from("data"));
  expect(disk.entries).toEqual(["written"]);
});
