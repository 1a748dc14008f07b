import { MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { bytesAt, encryptionOf, expectClean, firstDifference, memoryFile, pattern } from "./support.js";

const SIZE = 1_000_000;

describe("repair", () => {
  it("of an encrypted image leaves its LUKS header and its data, without the key", async () => {
    const pages = new MemoryPages();
    const encryption = encryptionOf("secret");
    const image = await Qcow2Image.create(memoryFile(pages), { size: SIZE, encryption });
    await image.write(pattern(300_000, 1), 5000);
    await image.close();
    // All refcounts are gone.
    await memoryFile(pages).write(new Uint8Array(65536), 2 * 65536);
    const locked = await Qcow2Image.open(memoryFile(pages), { write: true, metadataOnly: true });
    expect((await locked.check({ repair: "all" })).corruptions).toBe(0);
    await locked.close();
    const again = await Qcow2Image.open(memoryFile(pages), { write: true, encryption });
    await again.write(pattern(300_000, 2), 500_000);
    expect(firstDifference(await bytesAt(again, 5000, 300_000), pattern(300_000, 1))).toBe(-1);
    await expectClean(again);
    await again.close();
    await Qcow2Image.open(memoryFile(pages), { encryption });
  });

  it("of an image with a data file counts no cluster of that", async () => {
    const [pages, dataPages] = [new MemoryPages(), new MemoryPages()];
    const dataFile = { name: "data", raw: true, backend: memoryFile(dataPages) };
    const image = await Qcow2Image.create(memoryFile(pages), { size: SIZE, dataFile });
    await image.write(pattern(300_000, 1), 5000);
    await image.close();
    await memoryFile(pages).write(new Uint8Array(65536), 2 * 65536);
    const how = { write: true, dataFile: memoryFile(dataPages) };
    const again = await Qcow2Image.open(memoryFile(pages), how);
    expect((await again.check({ repair: "all" })).corruptions).toBe(0);
    await again.write(pattern(300_000, 2), 500_000);
    expect(firstDifference(await bytesAt(again, 5000, 300_000), pattern(300_000, 1))).toBe(-1);
    await expectClean(again);
    expect(pages.size).toBeLessThan(10 * 65536);
  });
});
