import { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { NbdServer } from "../src/index.js";
import { NBD, NbdClient } from "./nbd-client.js";

const SIZE = 1_048_576;
const PIECES = 32;
const seed = Number(process.env["INSTAR_SEED"] ?? Date.now() % 2 ** 32);

/** Integers from 0 to below a bound, the same ones for the same seed (mulberry32). */
function random(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** One request in a piece of the disk that no other of its round touches, and what its reply has to be. */
async function play(client: NbdClient, pick: (below: number) => number, model: Buffer, piece: number): Promise<void> {
  const room = SIZE / PIECES;
  const offset = piece * room + pick(room);
  const length = 1 + pick(piece * room + room - offset);
  const part = model.subarray(offset, offset + length);
  const flags = pick(4) === 0 ? NBD.fua : 0;
  switch (pick(6)) {
    case 0:
    case 1: {
      part.fill(1 + pick(255));
      expect((await client.request(NBD.write, offset, length, flags, Buffer.from(part))).errno).toBe(0);
      break;
    }
    case 2: {
      part.fill(0);
      expect((await client.request(NBD.writeZeroes, offset, length, flags)).errno).toBe(0);
      break;
    }
    case 3: {
      expect((await client.request(NBD.trim, offset, length, flags)).errno).toBe(0);
      // What is trimmed may read as anything that it was, or as zeroes.
      const { data } = await client.request(NBD.read, offset, length);
      expect(data.findIndex((byte, index) => byte !== 0 && byte !== part[index])).toBe(-1);
      data.copy(part);
      break;
    }
    case 4: {
      const { errno, states } = await client.request(NBD.blockStatus, offset, length);
      // What was not agreed on in the handshake is refused.
      expect(errno).toBe(client.structured ? 0 : 22);
      if (errno !== 0) break;
      let at = offset;
      for (let index = 0; index < states.length; index += 2) {
        const end = Math.min(offset + length, at + (states[index] ?? 0));
        const isZero = ((states[index + 1] ?? 0) & 2) !== 0;
        if (isZero) expect(model.subarray(at, end).every((byte) => byte === 0)).toBe(true);
        at = end;
      }
      expect(at).toBeGreaterThan(offset);
      break;
    }
    default: {
      const { errno, data } = await client.request(NBD.read, offset, length);
      expect([errno, Buffer.compare(data, part)]).toEqual([0, 0]);
    }
  }
}

describe(`random requests (INSTAR_SEED=${seed})`, () => {
  it.each([true, false])("do to the disk what they do to a model, with structured replies: %s", async (structured) => {
    const pick = random(seed);
    const disk = new MemoryBackend({ size: SIZE });
    const server = new NbdServer({ exports: [{ name: "", backend: disk }] });
    const port = (await server.listen({ port: 0, host: "127.0.0.1" })) ?? 0;
    const clients = [await NbdClient.connect(port, structured), await NbdClient.connect(port, structured)];
    const model = Buffer.alloc(SIZE);
    for (let round = 0; round < 40; round++) {
      const pieces = Array.from({ length: PIECES }, (_, piece) => piece).filter(() => pick(3) > 0);
      const playing = pieces.map((piece) => {
        const client = clients[pick(2)];
        if (!client) throw new Error("no client");
        return play(client, pick, model, piece);
      });
      if (pick(3) === 0) playing.push(clients[0]?.request(NBD.flush, 0, 0).then(() => {}) ?? Promise.resolve());
      await Promise.all(playing);
    }
    const found = Buffer.alloc(SIZE);
    await disk.read(found, 0);
    expect(found.equals(model)).toBe(true);
    for (const { socket } of clients) socket.destroy();
    await server.close();
  });
});
