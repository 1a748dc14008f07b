import { MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { FaultyFile } from "./faulty-file.js";
import { bytesAt, memoryFile, newImage, pattern } from "./support.js";

async function withAutoclearBits(): Promise<MemoryPages> {
  const { image, pages } = await newImage({ size: 1_000_000 });
  await image.close();
  pages.write(Uint8Array.from([0x80, 0, 0, 0, 0, 0, 0, 1]), 88);
  return pages;
}

describe("autoclear features", () => {
  it("are kept by opening, reading and closing", async () => {
    const pages = await withAutoclearBits();
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    await bytesAt(image, 0, 1000);
    expect(image.info().features.autoclear).toEqual(["bitmaps", "bit 63"]);
    await image.close();
    const again = await Qcow2Image.open(memoryFile(pages));
    expect(again.info().features.autoclear).toEqual(["bitmaps", "bit 63"]);
  });

  it("are cleared, and that is durable, before anything else is written", async () => {
    const file = new FaultyFile(memoryFile(await withAutoclearBits()));
    const image = await Qcow2Image.open(file, { write: true });
    file.requests.length = 0;
    await Promise.all([image.write(pattern(10, 1), 0), image.write(pattern(10, 1), 500_000)]);
    const changes = file.requests.filter(({ kind }) => kind !== "read");
    expect(changes.slice(0, 2)).toMatchObject([{ kind: "write", offset: 0 }, { kind: "sync" }]);
    expect(changes.filter(({ kind, offset }) => kind === "write" && offset === 0)).toHaveLength(1);
    expect(image.info().features.autoclear).toEqual([]);
  });
});
