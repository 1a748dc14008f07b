import { describe, expect, it } from "vitest";

import { hasQemu, qemuImg, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { contents, firstDifference, openImage, qemuContents } from "./files.js";

/** Not a multiple of any cluster size. */
const SIZE = 5 * 1024 * 1024 + 1024;

/** How an image of one kind is made at `path`. */
type Make = (path: string, options: string) => void;

const kinds: Record<string, Make> = {
  plain: (path, options) => {
    qemuImg("create", "-q", "-f", "qcow2", "-o", options, path, String(SIZE));
    qemuIo(path, "write -P 1 0 1000000", "write -P 2 1500000 3", "write -P 3 4M 1M", `write -P 4 ${SIZE - 512} 512`);
  },
  compressed: (path, options) => {
    const raw = `${path}.source`;
    qemuImg("create", "-q", "-f", "raw", raw, String(SIZE));
    qemuImg("create", "-q", "-f", "qcow2", `${path}.first`, String(SIZE));
    qemuIo(`${path}.first`, "write -P 7 0 2M", "write -P 8 2100000 1000", "write -P 9 3M 600000");
    qemuImg("convert", "-c", "-f", "qcow2", "-O", "qcow2", "-o", options, `${path}.first`, path);
    qemuIo(path, "write -P 5 100000 100000");
  },
  "a backing chain of mixed cluster sizes": (path, options) => {
    qemuImg("create", "-q", "-f", "raw", `${path}.base`, "3M");
    qemuImg(
      "create",
      "-q",
      "-f",
      "qcow2",
      "-o",
      "cluster_size=4k",
      "-b",
      `${path}.base`,
      "-F",
      "raw",
      `${path}.middle`,
    );
    qemuIo(`${path}.middle`, "write -P 21 0 70000", "write -z 1M 300000", "write -P 22 2900000 200000");
    const middle = ["-b", `${path}.middle`, "-F", "qcow2"];
    qemuImg("create", "-q", "-f", "qcow2", "-o", options, ...middle, path, String(SIZE));
    qemuIo(path, "write -P 23 30000 10000", "write -P 24 1100000 5", "write -P 25 4000000 700000");
  },
  "zero clusters": (path, options) => {
    qemuImg("create", "-q", "-f", "qcow2", "-o", options, path, String(SIZE));
    qemuIo(
      path,
      "write -P 31 0 4M",
      "write -z 1M 1M",
      "write -z -u 2M 1M",
      "discard 3M 512k",
      "write -z 4500000 70000",
    );
  },
  preallocated: (path, options) => {
    qemuImg("create", "-q", "-f", "qcow2", "-o", `${options},preallocation=metadata`, path, String(SIZE));
    qemuIo(path, "write -P 41 123456 200000");
  },
};

const clusterSizes = [512, 4096, 65_536, 2_097_152];
const layouts = [
  ...clusterSizes.flatMap((size) => [
    `compat=0.10,cluster_size=${size}`,
    ...[1, 2, 4, 8, 16, 32, 64].map((bits) => `compat=1.1,cluster_size=${size},refcount_bits=${bits}`),
  ]),
  ...[16_384, 65_536, 2_097_152].map((size) => `cluster_size=${size},extended_l2=on`),
];

describe.skipIf(!hasQemu)(`reads what QEMU wrote${qemuNote}`, () => {
  for (const [kind, make] of Object.entries(kinds)) {
    it.each(layouts)(`${kind}, %s`, async (options) => {
      using scratch = new Scratch();
      const path = scratch.file("image.qcow2");
      make(path, options);
      const image = await openImage(path);
      try {
        expect(firstDifference(await contents(image), await qemuContents(path))).toBe(-1);
        const { corruptions, leaks } = await image.check();
        expect({ corruptions, leaks }).toEqual({ corruptions: 0, leaks: 0 });
      } finally {
        await image.close();
      }
    });
  }
});
