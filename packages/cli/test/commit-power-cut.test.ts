import { type Backend, MemoryBackend } from "@instar/backend";
import { Qcow2Image } from "@instar/qcow2";
import { describe, expect, it } from "vitest";
import { commitDown } from "../src/committing.js";
import { EndlessDisk } from "../src/endless-disk.js";
import { CutFile } from "./cut-file.js";
import { makeDisk, SEED } from "./disks.js";

const SIZE = 300_032;
const CLUSTER = 4096;
const backing = { name: "base", format: "raw" };

async function disk(bytes: Uint8Array): Promise<MemoryBackend> {
  const backend = new MemoryBackend();
  await backend.write(bytes, 0);
  return backend;
}

async function contents(shown: Backend): Promise<Buffer> {
  const bytes = Buffer.alloc(shown.size);
  await shown.read(bytes, 0);
  return bytes;
}

/** A base that is shorter than the image over it, as a file and as what it shows. */
const BASES = {
  raw: {
    make: async (): Promise<Uint8Array> => makeDisk(200_192, SEED),
    open: async (file: Backend): Promise<Backend> => file,
  },
  qcow2: {
    make: async (): Promise<Uint8Array> => {
      const file = new MemoryBackend();
      const image = await Qcow2Image.create(file, { size: 200_192, clusterSize: CLUSTER });
      await image.write(makeDisk(100_352, SEED), 50_176);
      await image.sync();
      return contents(file);
    },
    open: (file: Backend): Promise<Qcow2Image> => Qcow2Image.open(file, { write: file.capabilities.write }),
  },
};

async function overlayOver(base: Backend): Promise<Uint8Array> {
  const file = new MemoryBackend();
  const options = { size: SIZE, clusterSize: CLUSTER, backing, backingBackend: base };
  const image = await Qcow2Image.create(file, options);
  await image.write(makeDisk(90_112, SEED + 1), 30_000);
  await image.writeZeroes(150_000, 30_000);
  await image.write(makeDisk(20_480, SEED + 2), 250_000);
  await image.sync();
  return contents(file);
}

describe(`a power cut while an image is committed (INSTAR_SEED=${SEED})`, () => {
  it.each(["raw", "qcow2"] as const)("into a %s image leaves what the image shows", async (kind) => {
    const { make, open } = BASES[kind];
    const base = new CutFile("base", await make());
    const top = new CutFile("top", await overlayOver(await open(await disk(base.left[0] ?? Buffer.alloc(0)))));
    const [baseBytes = Buffer.alloc(0)] = base.left;
    const [topBytes = Buffer.alloc(0)] = top.left;
    const show = async (overlay: Uint8Array, below: Uint8Array): Promise<Qcow2Image> =>
      Qcow2Image.open(await disk(overlay), { backing: await open(await disk(below)) });
    const expected = await contents(await show(topBytes, baseBytes));

    const cuts: { overlay: Buffer; below: Buffer }[] = [];
    const record = (): void => {
      for (const overlay of top.left) for (const below of base.left) cuts.push({ overlay, below });
    };
    base.changed = record;
    top.changed = record;
    const image = await Qcow2Image.open(top, { write: true, backing: new EndlessDisk(undefined) });
    await commitDown({
      top: { name: "top", format: "qcow2", disk: image, qcow2: image, layers: [] },
      depth: 1,
      base: await open(base),
      empties: true,
      signal: new AbortController().signal,
      progress: () => {},
    });
    const { allocatedClusters } = await image.check();
    expect(allocatedClusters).toBe(0);

    expect(cuts.length).toBeGreaterThan(10);
    for (const { overlay, below } of cuts) {
      const shown = await show(overlay, below);
      expect((await contents(shown)).equals(expected)).toBe(true);
      expect((await shown.check()).corruptions).toBe(0);
      if (shown.backing instanceof Qcow2Image) expect((await shown.backing.check()).corruptions).toBe(0);
    }
  });
});
