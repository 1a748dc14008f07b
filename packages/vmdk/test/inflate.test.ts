import { deflateSync } from "node:zlib";

import { patternDisk } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { inflate as inflatePortably } from "../src/inflate.default.js";
import { inflate as inflateInNode } from "../src/inflate.node.js";

const grain = patternDisk(65_536);
const stream = Uint8Array.from(deflateSync(grain));

for (const [where, inflate] of [
  ["in Node", inflateInNode],
  ["anywhere", inflatePortably],
] as const) {
  describe(`unpacking a grain ${where}`, () => {
    it("gives what was packed, whatever stands behind it", async () => {
      const trailing = Buffer.concat([stream, new Uint8Array(300).fill(7)]);
      for (const source of [stream, trailing]) {
        expect(Buffer.compare(await inflate(source, grain.length), grain)).toBe(0);
      }
      expect((await inflate(stream, 2 * grain.length)).length).toBe(grain.length);
      expect((await inflate(deflateSync(new Uint8Array(0)), 512)).length).toBe(0);
    });

    it("rejects what is broken, ends early, is longer than allowed or another format", async () => {
      const broken = stream.slice();
      broken.fill(0xff, 100, 200);
      const wrongSum = stream.slice();
      wrongSum[stream.length - 1] = (stream.at(-1) ?? 0) ^ 1;
      for (const source of [broken, wrongSum, stream.subarray(0, -5), new Uint8Array(20), new Uint8Array(0)]) {
        await expect(inflate(source, grain.length)).rejects.toThrow();
      }
      await expect(inflate(stream, grain.length - 1)).rejects.toThrow();
      await expect(inflate(deflateSync(new Uint8Array(2 ** 24)), 512)).rejects.toThrow();
    });
  });
}
