import { describe, expect, it } from "vitest";

import {
  CIPHERS,
  formatLuks,
  HASHES,
  isLuksError,
  luksHeaderBytes,
  MODES,
  readLuksHeader,
  unlock,
} from "../src/index.js";
import { areaOf, bytesOf, newArea, PASSPHRASE, pattern, QUICK } from "./support.js";

describe("a new volume", () => {
  for (const cipher of CIPHERS) {
    for (const mode of MODES.filter((one) => one !== "xts" || cipher !== "cast5-128")) {
      it(`opens with its passphrase: ${cipher}, ${mode}`, async () => {
        const volume = await formatLuks({ ...QUICK, cipher, mode });
        expect(volume.bytes.byteLength).toBe(luksHeaderBytes({ cipher, mode }));
        expect(volume.header.payloadOffset).toBe(volume.bytes.byteLength);
        const bytes = pattern(1024);
        volume.cipher.encrypt(bytes, 5);
        expect(Buffer.compare(bytes, pattern(1024))).not.toBe(0);
        const opened = await unlock(await areaOf(volume.bytes), { passphrase: PASSPHRASE });
        expect(opened.slot).toBe(0);
        opened.cipher.decrypt(bytes, 5);
        expect(Buffer.compare(bytes, pattern(1024))).toBe(0);
      });
    }
  }

  for (const hash of HASHES) {
    it(`uses ${hash}`, async () => {
      const area = await newArea({ hash });
      expect((await readLuksHeader(area)).hash).toBe(hash);
      expect((await unlock(area, { passphrase: PASSPHRASE })).slot).toBe(0);
    });
  }

  it.each([
    ["aes-256", undefined],
    ["serpent-192", "sha256"],
    ["twofish-128", "md5"],
    ["cast5-128", "md5"],
  ] as const)("uses essiv: %s, %s", async (cipher, ivHash) => {
    const area = await newArea({ cipher, mode: "cbc", iv: "essiv", ivHash });
    const { header } = await unlock(area, { passphrase: PASSPHRASE });
    expect(header.suite).toEqual({ cipher, mode: "cbc", iv: "essiv", ivHash: ivHash ?? "sha256" });
  });

  it("has a key, salts and an identifier of its own", async () => {
    const [one, other] = await Promise.all([formatLuks(QUICK), formatLuks(QUICK)]);
    expect(one.header.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(one.header.uuid).not.toBe(other.header.uuid);
    for (const field of ["keyDigest", "keyDigestSalt"] as const) {
      expect(Buffer.compare(one.header[field], other.header[field])).not.toBe(0);
    }
    expect(Buffer.compare(one.header.slots[0]!.salt, other.header.slots[0]!.salt)).not.toBe(0);
  });

  it("measures how many iterations take the time that is wanted", async () => {
    // Each look at the clock is 60 ms after the one before, so that the first measurement counts.
    let now = 0;
    const clock = (): number => (now += 60);
    const { header } = await formatLuks({ passphrase: PASSPHRASE, iterTime: 30, clock });
    expect(header.slots[0]?.iterations).toBe(8192);
    expect(header.keyDigestIterations).toBe(1024);
  });

  it.each([
    [{ iterations: 999 }, "iterations is 999, must be an integer from 1000"],
    [{ iterations: 2 ** 31 }, "iterations is 2147483648"],
    [{ iterTime: 100 }, "iterations is 1000, must be absent beside iterTime"],
    [{ iterations: undefined, iterTime: 100 }, 'clock is "absent", must be given beside iterTime'],
    [{ iterations: undefined, iterTime: 0, clock: () => 0 }, "iterTime is 0, must be greater than 0"],
  ])("refuses options that break a rule: %o", async (options, message) => {
    await expect(formatLuks({ ...QUICK, ...options })).rejects.toThrow(message);
  });
});

describe("a wrong passphrase", () => {
  it("has a code of its own, and is not told", async () => {
    const error: unknown = await unlock(await newArea(), { passphrase: bytesOf("hunter2") }).catch((reason) => reason);
    expect(isLuksError(error, "ERR_WRONG_PASSPHRASE")).toBe(true);
    expect(String(error)).toBe("LuksError: the passphrase opens no key slot");
  });
});

describe("opening a volume", () => {
  it("can be aborted", async () => {
    const controller = new AbortController();
    const opening = unlock(await newArea({ iterations: 3_000_000 }), {
      passphrase: PASSPHRASE,
      signal: controller.signal,
    });
    controller.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
  });
});
