import { describe, expect, it } from "vitest";

import { isLuksError, readLuksHeader, unlock } from "../src/index.js";
import { areaOf, newArea, PASSPHRASE } from "./support.js";

/** A volume with some bytes of its header changed. */
async function broken(change: (view: DataView) => void): ReturnType<typeof areaOf> {
  const area = await newArea({ cipher: "aes-128", mode: "cbc" });
  const bytes = new Uint8Array(area.size);
  await area.read(bytes, 0);
  change(new DataView(bytes.buffer));
  return areaOf(bytes);
}

function text(at: number, value: string): (view: DataView) => void {
  return (view) => {
    for (let index = 0; index < 32; index++) view.setUint8(at + index, value.charCodeAt(index) || 0);
  };
}

const SLOT_1 = 208 + 48;

describe("a header that breaks a rule is refused, by name", () => {
  it.each<[string, (view: DataView) => void, string, string]>([
    ["magic", (view) => view.setUint8(0, 0), "ERR_NOT_LUKS", "not a LUKS header"],
    ["version 2", (view) => view.setUint16(6, 2), "ERR_UNSUPPORTED_VERSION", "LUKS version is 2, must be 1"],
    ["cipher", text(8, "camellia"), "ERR_UNSUPPORTED_CIPHER", 'cipher "camellia" is not supported'],
    [
      "cast5 in xts",
      (view) => (text(8, "cast5")(view), text(40, "xts-plain64")(view), view.setUint32(108, 32)),
      "ERR_UNSUPPORTED_CIPHER",
      'cipher mode of cast5-128, whose blocks have 8 bytes, "xts" is not supported',
    ],
    [
      "cast5 with 32 bytes",
      (view) => (text(8, "cast5")(view), view.setUint32(108, 32)),
      "ERR_UNSUPPORTED_CIPHER",
      'cipher "cast5-256" is not supported',
    ],
    ["mode", text(40, "lrw-plain"), "ERR_UNSUPPORTED_CIPHER", 'cipher mode "lrw" is not supported'],
    ["IV", text(40, "cbc-benbi"), "ERR_UNSUPPORTED_CIPHER", 'IV generator "benbi" is not supported'],
    ["no IV", text(40, "cbc"), "ERR_UNSUPPORTED_CIPHER", 'IV generator "" is not supported'],
    ["essiv hash", text(40, "cbc-essiv:md4"), "ERR_UNSUPPORTED_CIPHER", 'IV generator hash "md4"'],
    [
      "essiv hash of no key's length",
      text(40, "cbc-essiv:sha1"),
      "ERR_UNSUPPORTED_CIPHER",
      'essiv with aes-128 "sha1"',
    ],
    ["hash", text(72, "whirlpool"), "ERR_UNSUPPORTED_CIPHER", 'hash "whirlpool" is not supported'],
    ["key of 17 bytes", (view) => view.setUint32(108, 17), "ERR_UNSUPPORTED_CIPHER", 'cipher "aes-136"'],
    ["key of 4 GiB", (view) => view.setUint32(108, 0xffffffff), "ERR_UNSUPPORTED_CIPHER", 'cipher "aes-34359738360"'],
    ["payload at 0", (view) => view.setUint32(104, 0), "ERR_INVALID_HEADER", "payload offset is 0"],
    ["payload in the material", (view) => view.setUint32(104, 100), "ERR_INVALID_HEADER", "of key slot 0 is 4096"],
    ["digest of 0 rounds", (view) => view.setUint32(164, 0), "ERR_INVALID_HEADER", "iterations of the key digest is 0"],
    ["state", (view) => view.setUint32(208, 1), "ERR_INVALID_HEADER", "state of key slot 0 is 1"],
    ["slot of 0 rounds", (view) => view.setUint32(212, 0), "ERR_INVALID_HEADER", "iterations of key slot 0 is 0"],
    [
      "material over the header",
      (view) => view.setUint32(208 + 40, 1),
      "ERR_INVALID_HEADER",
      "offset of key slot 0 is 512",
    ],
    ["material outside", (view) => view.setUint32(208 + 40, 0xffffffff), "ERR_INVALID_HEADER", "offset of key slot 0"],
    [
      "materials that overlap",
      (view) => view.setUint32(SLOT_1 + 40, 9),
      "ERR_INVALID_HEADER",
      "outside of that of key slot 0",
    ],
    ["0 stripes", (view) => view.setUint32(208 + 44, 0), "ERR_INVALID_HEADER", "stripes of key slot 0 is 0"],
    ["too many stripes", (view) => view.setUint32(208 + 44, 0xffffffff), "ERR_INVALID_HEADER", "stripes of key slot 0"],
  ])("%s", async (_, change, code, message) => {
    const error: unknown = await readLuksHeader(await broken(change)).catch((reason) => reason);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it.each<[string, (view: DataView) => void]>([
    ["a key slot", (view) => view.setUint32(212, 0xffffffff)],
    [
      "a key slot that is tried later",
      (view) => (view.setUint32(SLOT_1, 0x00ac71f3), view.setUint32(SLOT_1 + 4, 0xffffffff)),
    ],
    ["the key digest", (view) => view.setUint32(164, 0xffffffff)],
  ])("2^32-1 iterations of %s, which nobody grinds through", async (_, change) => {
    const error: unknown = await unlock(await broken(change), { passphrase: PASSPHRASE }).catch((reason) => reason);
    expect(isLuksError(error, "ERR_INVALID_HEADER")).toBe(true);
    expect(String(error)).toContain("is 4294967295, must be at most 100000000");
  });

  it("a file that ends inside", async () => {
    const whole = new Uint8Array(600_000);
    await (await newArea({ cipher: "aes-128", mode: "cbc" })).read(whole.subarray(0, 528_384), 0);
    for (const length of [0, 5, 6, 100, 591, 592, 5000, 500_000]) {
      const error: unknown = await readLuksHeader(await areaOf(whole.slice(0, length))).catch((reason) => reason);
      expect(isLuksError(error), `${length}: ${String(error)}`).toBe(true);
    }
  });
});
