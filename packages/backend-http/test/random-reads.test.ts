import { expect, it } from "vitest";
import { open, pattern } from "./bytes.js";
import { bodyBecomes, cutAfter, type Fault, reset, startServer, status } from "./server.js";

const size = 3_000_000;
const untouched = 0xee;

/** Sends the first `count` bytes of the right body, and the rest a moment later. */
function inTwo(count: number): Fault {
  return (_, response, serve) => {
    const end = response.end.bind(response);
    bodyBecomes(response, (body) => {
      response.write(body.subarray(0, count));
      setImmediate(() => end(body.subarray(count)));
    });
    serve();
  };
}

it("reads side by side, of which some are aborted, over a server that fails: each has its bytes or is left alone", async () => {
  const seed = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 2 ** 31) * limit);
  };
  const contents = pattern(size);
  const server = await startServer(contents);
  server.always = (request, response, serve) => {
    const faults = [status(503, { "retry-after": "0" }), reset, cutAfter(below(200_000)), inTwo(below(200_000))];
    const fault = faults[below(16)];
    if (fault) fault(request, response, serve);
    else serve();
  };
  const hedge = { percentile: 0.8, minDelay: 1 };
  const backend = await open(server.url, { concurrency: 6, splitSize: 2 ** 18, retries: 50, hedge });
  const given: Uint8Array[] = [];
  const reader = async (): Promise<void> => {
    for (let read = 0; read < 25; read++) {
      const length = 1 + below([500, 20_000, 300_000, 1_000_000][below(4)] ?? 1);
      const offset = below(2) === 0 ? below(size - length) : 0;
      // In Node bytes come right into memory of this kind, too.
      const target = below(2) === 0 ? new Uint8Array(length) : Buffer.allocUnsafe(length);
      const controller = new AbortController();
      const aborted = below(3) === 0;
      if (aborted) setTimeout(() => controller.abort(), below(10));
      const outcome = await backend
        .read(target, offset, { signal: controller.signal })
        .catch((error: unknown) => error);
      if (outcome === undefined) {
        const same = Buffer.compare(target, contents.subarray(offset, offset + length)) === 0;
        expect([same, offset, length], `seed ${seed}`).toEqual([true, offset, length]);
      } else if (!aborted) throw new Error(`seed ${seed}`, { cause: outcome });
      target.fill(untouched);
      given.push(target);
    }
  };
  await Promise.all(Array.from({ length: 8 }, reader));
  expect(
    given.every((target) => target.every((byte) => byte === untouched)),
    `seed ${seed}`,
  ).toBe(true);
});
