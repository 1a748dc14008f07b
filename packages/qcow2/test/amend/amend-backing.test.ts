import { FsBackend } from "@instar/backend-fs";
import { MemoryBackend, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { FaultyFile } from "../engine/faulty-file.js";
import { Clock, RecordingFile } from "../engine/recording-file.js";
import { allBytes, expectClean, memoryFile, newImage, pattern } from "../engine/support.js";
import { hasQemu, qemuImg, qemuImgJson, qemuNote, Scratch } from "../format-support.js";
import { Random, seed } from "../interop/random.js";

const LONG = `a/${"long/".repeat(150)}name`;

/** What an image says of its backing file. */
function naming(image: Qcow2Image): unknown[] {
  const { backingFile, backingFormat } = image.info();
  return [backingFile, backingFormat];
}

const CHANGES = [
  { name: "other", format: "qcow2" },
  { name: LONG, format: "raw" },
  { name: "without format" },
  null,
  { name: "back.qcow2", format: "qcow2" },
] as const;

describe.skipIf(!hasQemu)(`the backing file that amend names${qemuNote}`, () => {
  for (const options of ["cluster_size=65536", "cluster_size=4k", "compat=0.10", "cluster_size=2k"]) {
    it(`is the one QEMU reads: ${options}`, async () => {
      using scratch = new Scratch();
      const path = scratch.file("image");
      qemuImg("create", "-q", "-f", "qcow2", "-u", "-b", "first", "-F", "raw", "-o", options, path, "1M");
      for (const backing of CHANGES) {
        const file = await FsBackend.open(path, { write: true });
        const image = await Qcow2Image.open(file, { write: true, backing: new MemoryBackend() });
        await image.amend({ backing });
        const expected = backing ? [backing.name, "format" in backing ? backing.format : undefined] : [];
        expect(naming(image)).toEqual([expected[0], expected[1]]);
        await image.close();
        const info = qemuImgJson(["info", "--output=json", path]);
        expect([info["backing-filename"], info["backing-filename-format"]]).toEqual([expected[0], expected[1]]);
        // Unsafe rebase rewrites what we wrote.
        qemuImg("rebase", "-u", "-b", "theirs", "-F", "raw", path);
        expect(qemuImgJson(["info", "--output=json", path])["backing-filename"]).toBe("theirs");
      }
    });
  }
});

describe("a backing file that cannot be named", () => {
  it("is refused, and nothing has changed", async () => {
    const { image, pages } = await newImage({ size: 1_000_000, clusterSize: 512 });
    for (const backing of [{ name: "" }, { name: "a\0b" }, { name: "x".repeat(1024) }, { name: "x".repeat(450) }]) {
      await expect(image.amend({ backing })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    }
    await expect(image.amend({ backing: { name: "a", format: "" } })).rejects.toMatchObject({
      code: "ERR_INVALID_OPTION",
    });
    await expectClean(image);
    await image.close();
    expect(naming(await Qcow2Image.open(memoryFile(pages)))).toEqual([undefined, undefined]);
  });
});

describe(`a power cut while the backing file gets another name (INSTAR_SEED=${seed})`, () => {
  for (const clusterSize of [512, 4096, 65_536]) {
    it(`leaves the old name or the new one: clusters of ${clusterSize}`, async () => {
      const clock = new Clock();
      const random = new Random(seed + clusterSize);
      const file = new RecordingFile(clock, random);
      const backing = { name: "first", format: "raw" };
      const image = await Qcow2Image.create(file, {
        size: 1_000_000,
        clusterSize,
        backing,
        backingBackend: new MemoryBackend(),
      });
      const steps = [{ begin: clock.tick(), names: [["first", "raw"]] as unknown[] }];
      for (const change of CHANGES) {
        const next = change?.name === LONG && clusterSize === 512 ? { name: "not so long" } : change;
        const before = naming(image);
        const begin = clock.tick();
        await image.amend({ backing: next });
        steps.push({ begin, names: [before, naming(image)] });
      }
      const bytes = pattern(1000, 1);
      await image.write(bytes, 0);
      await image.close();
      const moments = file.moments.filter((moment) => moment > (steps[0]?.begin ?? 0));
      for (const moment of moments) {
        for (const lost of [0, 1, 2, 3]) {
          const pages = file.after(moment, () => lost !== 0 && (lost === 1 || random.once(lost)));
          const found = await Qcow2Image.open(memoryFile(pages), { write: true, backing: new MemoryBackend() });
          const allowed = steps.findLast(({ begin }) => begin <= moment)?.names;
          expect(allowed, `seed ${seed}, cut at ${moment}, lost ${lost}`).toContainEqual(naming(found));
          expect((await found.check()).corruptions).toBe(0);
          await found.amend({ backing: { name: "last", format: "raw" } });
          expect(naming(found)).toEqual(["last", "raw"]);
          await found.close();
          const again = await Qcow2Image.open(memoryFile(pages), { backing: new MemoryBackend() });
          expect(naming(again)).toEqual(["last", "raw"]);
        }
      }
      expect(moments.length).toBeGreaterThan(10);
    });
  }
});

describe("when one request of the file fails", () => {
  it("amend fails, and works when it is tried again", async () => {
    let requests = Infinity;
    for (let nth = 0; nth < requests; nth++) {
      const pages = new MemoryPages();
      const file = new FaultyFile(memoryFile(pages));
      const image = await Qcow2Image.create(file, { size: 1_000_000, clusterSize: 4096 });
      await image.write(pattern(10_000, 1), 5000);
      file.requests.length = 0;
      file.fails = () => file.requests.length - 1 === nth;
      for (const backing of [
        { name: LONG, format: "raw" },
        { name: "short", format: "qcow2" },
      ]) {
        const before = naming(image);
        try {
          await image.amend({ backing });
        } catch (error) {
          expect(error).toMatchObject({ code: "ERR_IO" });
          expect(naming(image)).toEqual(before);
          await image.sync();
          await image.amend({ backing });
        }
      }
      requests = file.requests.length;
      file.fails = () => false;
      await image.close();
      const again = await Qcow2Image.open(memoryFile(pages), { backing: new MemoryBackend() });
      expect(naming(again)).toEqual(["short", "qcow2"]);
      const expected = new Uint8Array(1_000_000);
      expected.set(pattern(10_000, 1), 5000);
      expect(Buffer.compare(await allBytes(again), expected)).toBe(0);
      await expectClean(again);
    }
  });
});
