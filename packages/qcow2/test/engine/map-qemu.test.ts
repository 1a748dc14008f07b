import { writeFileSync } from "node:fs";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { type Mapping, Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { beside } from "../interop/files.js";
import { pattern } from "./support.js";

interface QemuMapping {
  readonly start: number;
  readonly length: number;
  readonly depth: number;
  readonly present: boolean;
  readonly zero: boolean;
  readonly data: boolean;
  readonly offset?: number;
}

async function ourMap(path: string): Promise<Mapping[]> {
  const image = await Qcow2Image.open(await FsBackend.open(path), { openReferenced: beside });
  const map: Mapping[] = [];
  for await (const mapping of image.map(0, image.size)) map.push(mapping);
  await image.close();
  return map;
}

function inTheWordsOfQemu(mapping: Mapping): QemuMapping {
  const { offset: start, length, depth, present, zero, data, hostOffset } = mapping;
  return { start, length, depth, present, zero, data, ...(hostOffset !== undefined && { offset: hostOffset }) };
}

/**
 * QEMU also asks the file system where the file of an image has holes, and says `data` and `zero` of clusters in them.
 * To us they are data.
 */
function qemuMap(path: string): QemuMapping[] {
  const map: unknown = JSON.parse(qemuImg("map", "--output=json", "-f", "qcow2", path));
  const joined: QemuMapping[] = [];
  for (const entry of map as QemuMapping[]) {
    const next = { ...entry, zero: entry.zero && !entry.data };
    const last = joined.at(-1);
    const { length, depth, data, offset } = last ?? { length: 0 };
    if (last && next.data && data && depth === next.depth && offset !== undefined && offset + length === next.offset) {
      joined[joined.length - 1] = { ...last, length: length + next.length };
    } else joined.push(next);
  }
  return joined;
}

describe.skipIf(!hasQemu)(`map tells what qemu-img map tells${qemuNote}`, () => {
  for (const layout of ["cluster_size=512", "cluster_size=65536", "cluster_size=65536,extended_l2=on"]) {
    it(`of a chain of images, the middle one shorter (${layout})`, async () => {
      using scratch = new Scratch();
      const [base, middle, top] = ["base", "middle", "top"].map((name) => scratch.file(name));
      if (base === undefined || middle === undefined || top === undefined) return;
      const options = ["-q", "-f", "qcow2", "-o", layout];
      qemuImg("create", ...options, base, "2M");
      qemuIo(base, "write -P 1 0 300k", "write -P 2 1M 200k", "write -z 1500k 100k");
      qemuImg("create", ...options, "-b", "base", "-F", "qcow2", middle, "1200k");
      qemuIo(middle, "write -P 3 100k 64k", "write -z 200k 64k", "discard 1M 64k");
      qemuImg("create", ...options, "-b", "middle", "-F", "qcow2", top, "3M");
      qemuIo(top, "write -P 4 128k 64k", "write -z -u 192k 64k", "write -P 5 2900k 10k");
      qemuIo(top, "write -c -P 6 640k 64k");
      expect((await ourMap(top)).map(inTheWordsOfQemu)).toEqual(qemuMap(top));
      expect((await ourMap(middle)).map(inTheWordsOfQemu)).toEqual(qemuMap(middle));
      expect((await ourMap(base)).map(inTheWordsOfQemu)).toEqual(qemuMap(base));
    });
  }

  it("of an image that was preallocated, and of one over a raw file", async () => {
    using scratch = new Scratch();
    const path = scratch.file("preallocated");
    qemuImg("create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", path, "10M");
    expect((await ourMap(path)).map(inTheWordsOfQemu)).toEqual(qemuMap(path));
    writeFileSync(scratch.file("raw"), pattern(2 ** 20, 1));
    const over = scratch.file("over");
    qemuImg("create", "-q", "-f", "qcow2", "-b", "raw", "-F", "raw", over, "2M");
    qemuIo(over, "write 64k 64k");
    expect((await ourMap(over)).map(inTheWordsOfQemu)).toEqual(qemuMap(over));
  });
});
