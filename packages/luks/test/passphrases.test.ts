import { type Backend, BackendError, MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { addPassphrase, type LuksArea, readLuksHeader, removePassphrase, unlock } from "../src/index.js";
import { areaOf, bytesOf, newArea, PASSPHRASE } from "./support.js";

const QUICKLY = { iterations: 1000 } as const;
const SECOND = bytesOf("second");
const small = { cipher: "aes-128", mode: "cbc" } as const;

async function contentOf(area: Pick<Backend, "read" | "size">): Promise<Uint8Array> {
  const bytes = new Uint8Array(area.size);
  await area.read(bytes, 0);
  return bytes;
}

/** The slots that passphrases open; -1 for none. */
async function slotsOf(area: LuksArea, ...passphrases: Uint8Array[]): Promise<number[]> {
  const found = passphrases.map((passphrase) =>
    unlock(area, { passphrase }).then(
      ({ slot }) => slot,
      () => -1,
    ),
  );
  return Promise.all(found);
}

/** Stops, as a program that is killed, in the middle of the write with this number. */
class StoppingArea implements LuksArea {
  readonly #area: MemoryBackend;
  readonly #stopAt: number;
  writes = 0;

  constructor(area: MemoryBackend, stopAt: number) {
    this.#area = area;
    this.#stopAt = stopAt;
  }

  get size(): number {
    return this.#area.size;
  }

  read(target: Uint8Array, offset: number): Promise<void> {
    return this.#area.read(target, offset);
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    if (this.writes++ !== this.#stopAt) return this.#area.write(source, offset);
    await this.#area.write(source.subarray(0, source.byteLength >> 1), offset);
    throw new BackendError("ERR_IO", "stopped");
  }

  sync(): Promise<void> {
    return this.#area.sync();
  }
}

describe("a passphrase", () => {
  it("is added to the first free slot, and opens the volume with the same key", async () => {
    const area = await newArea(small);
    expect(await addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: SECOND })).toBe(1);
    const [one, other] = [await unlock(area, { passphrase: PASSPHRASE }), await unlock(area, { passphrase: SECOND })];
    expect([one.slot, other.slot]).toEqual([0, 1]);
    const bytes = new Uint8Array(512);
    one.cipher.encrypt(bytes, 3);
    other.cipher.decrypt(bytes, 3);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it("is added to any of the eight slots, and to no ninth", async () => {
    const area = await newArea(small);
    for (const slot of [7, 1, 2, 3, 4, 5, 6]) {
      const options = { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: bytesOf(`number ${slot}`), slot };
      expect(await addPassphrase(area, options)).toBe(slot);
    }
    const names = [1, 2, 3, 4, 5, 6, 7].map((slot) => bytesOf(`number ${slot}`));
    expect(await slotsOf(area, PASSPHRASE, ...names)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const before = await contentOf(area);
    const ninth = addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: SECOND });
    await expect(ninth).rejects.toMatchObject({ code: "ERR_NO_SLOT" });
    expect(Buffer.compare(await contentOf(area), before)).toBe(0);
  });

  it("is added with one that opens the volume only", async () => {
    const area = await newArea(small);
    const before = await contentOf(area);
    const adding = addPassphrase(area, { ...QUICKLY, passphrase: SECOND, newPassphrase: SECOND });
    await expect(adding).rejects.toMatchObject({ code: "ERR_WRONG_PASSPHRASE" });
    expect(Buffer.compare(await contentOf(area), before)).toBe(0);
  });

  it("is removed with its key material", async () => {
    const area = await newArea(small);
    await addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: SECOND });
    const old = await contentOf(area);
    expect(await removePassphrase(area, { passphrase: PASSPHRASE })).toEqual([0]);
    expect(await slotsOf(area, PASSPHRASE, SECOND)).toEqual([-1, 1]);
    // With its slot put back the key material is what is missing.
    const bytes = await contentOf(area);
    bytes.set(old.subarray(208, 256), 208);
    expect(await slotsOf(await areaOf(bytes), PASSPHRASE)).toEqual([-1]);
  });

  it("that nobody knows is removed by its slot", async () => {
    const area = await newArea(small);
    await addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: SECOND, slot: 4 });
    await expect(removePassphrase(area, { slot: 3 })).rejects.toMatchObject({ code: "ERR_NO_SLOT" });
    await expect(removePassphrase(area, { slot: 8 })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    await expect(removePassphrase(area, {})).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    expect(await removePassphrase(area, { slot: 4 })).toEqual([4]);
    expect(await slotsOf(area, PASSPHRASE, SECOND)).toEqual([0, -1]);
  });

  it("is removed from every key slot that it opens, or from one", async () => {
    const area = await newArea(small);
    const add = (newPassphrase: Uint8Array, slot: number): Promise<number> =>
      addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase, slot });
    for (const slot of [2, 4, 6]) await add(SECOND, slot);
    const wrong = removePassphrase(area, { passphrase: SECOND, slot: 0 });
    await expect(wrong).rejects.toMatchObject({ code: "ERR_WRONG_PASSPHRASE" });
    expect(await removePassphrase(area, { passphrase: SECOND, slot: 4 })).toEqual([4]);
    expect(await slotsOf(area, PASSPHRASE, SECOND)).toEqual([0, 2]);
    expect(await removePassphrase(area, { passphrase: SECOND })).toEqual([2, 6]);
    expect(await slotsOf(area, PASSPHRASE, SECOND)).toEqual([0, -1]);
  });

  it("stays where all key slots are its", async () => {
    const area = await newArea(small);
    await addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: PASSPHRASE });
    const before = await contentOf(area);
    const removing = removePassphrase(area, { passphrase: PASSPHRASE });
    await expect(removing).rejects.toMatchObject({ code: "ERR_LAST_SLOT", message: expect.stringContaining("0, 1") });
    expect(Buffer.compare(await contentOf(area), before)).toBe(0);
  });

  it("stays where it is the only one", async () => {
    const area = await newArea(small);
    await expect(removePassphrase(area, { slot: 0 })).rejects.toMatchObject({ code: "ERR_LAST_SLOT" });
    expect(await slotsOf(area, PASSPHRASE)).toEqual([0]);
  });

  it("leaves the rest of the header as it is", async () => {
    const bytes = await contentOf(await newArea(small));
    // A hash that plain64 has no use for, as QEMU writes it where it was asked to.
    bytes.set(bytesOf("cbc-plain64:sha1"), 40);
    const area = await areaOf(bytes);
    await addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: SECOND });
    expect(Buffer.compare((await contentOf(area)).subarray(0, 256), bytes.subarray(0, 256))).toBe(0);
  });
});

describe("a change that is stopped anywhere", () => {
  it("leaves the passphrases that were there", async () => {
    let stopAt = 0;
    for (let done = false; !done; stopAt++) {
      const area = await newArea(small);
      await addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: bytesOf("third"), slot: 6 });
      const stopping = new StoppingArea(area, stopAt);
      const adding = addPassphrase(stopping, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: SECOND });
      done = (await adding.catch(() => -1)) >= 0;
      expect(await slotsOf(area, PASSPHRASE, bytesOf("third")), `stopped at write ${stopAt}`).toEqual([0, 6]);
      if (done) expect(await slotsOf(area, SECOND)).toEqual([1]);
      // A second attempt succeeds, whatever the first has left.
      else await addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: SECOND });
    }
    expect(stopAt).toBe(4);
  });

  it("leaves all but the one that was to be removed", async () => {
    let stopAt = 0;
    for (let done = false; !done; stopAt++) {
      const area = await newArea(small);
      await addPassphrase(area, { ...QUICKLY, passphrase: PASSPHRASE, newPassphrase: SECOND });
      done = (await removePassphrase(new StoppingArea(area, stopAt), { slot: 1 }).catch(() => [])).length > 0;
      expect(await slotsOf(area, PASSPHRASE, SECOND), `stopped at write ${stopAt}`).toEqual([0, -1]);
      await readLuksHeader(area);
    }
    expect(stopAt).toBe(3);
  });
});
