import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { checkImage } from "../src/check/check-image.js";
import { readHeader } from "../src/header.js";
import { COPIED, Damage } from "./check-damage.js";
import { hasQemu, memoryOf, qemuImg, qemuImgJson, qemuIo, qemuNote, Scratch } from "./format-support.js";

const seed = Number(process.env["INSTAR_SEED"] ?? Date.now() % 2 ** 32);
const rounds = Number(process.env["INSTAR_ROUNDS"] ?? 40);

/** Integers from 0 to below a bound, the same ones for the same seed (mulberry32). */
function random(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** One of many ways to damage an image; says what it did. */
function damage(image: Damage, pick: (below: number) => number, maxRefcount: number): string {
  const { header, l2Entries } = image;
  const size = BigInt(image.clusterSize);
  const clusters = Math.ceil(image.bytes.byteLength / image.clusterSize);
  const withOffset = (entry: bigint, cluster: number): bigint => (entry & ~0xfffffffffe00n) | (BigInt(cluster) * size);
  const l1Entry = header.l1TableOffset + pick(header.l1Size) * 8;
  const tableEntry = header.refcountTableOffset + pick(3) * 8;
  const l2Entry = l2Entries[pick(l2Entries.length)];
  if (l2Entry === undefined) return "nothing: no L2 entry is left";
  // Compressed entries are laid out differently: they only lose or gain flags.
  const standard = (change: (entry: bigint) => bigint): string =>
    image.change(l2Entry, (entry) => ((entry >> 62n) & 1n ? entry ^ COPIED : change(entry)));
  const ways = [
    () => image.setRefcount(pick(clusters), pick(maxRefcount + 1)),
    () => image.change(l2Entry, (entry) => entry ^ COPIED),
    () => image.change(l2Entry, () => 0n),
    () => standard((entry) => withOffset(entry, pick(clusters))),
    () => standard((entry) => withOffset(entry, clusters + pick(50))),
    () => standard((entry) => entry | 0x100000000000002n),
    () => standard((entry) => entry ^ 512n),
    () => image.change(l1Entry, (entry) => (entry === 0n ? entry : entry ^ COPIED)),
    () => image.change(l1Entry, () => 0n),
    () => image.change(l1Entry, () => withOffset(COPIED, clusters + pick(10))),
    () => image.change(l1Entry, (entry) => (entry === 0n ? entry : entry | 0x100n)),
    () => image.change(tableEntry, () => BigInt(pick(clusters)) * size),
    () => image.change(tableEntry, () => BigInt(clusters + pick(20)) * size),
    () => image.change(tableEntry, (entry) => entry | 512n),
    () => image.change(tableEntry, (entry) => entry | 4n),
  ];
  if (image.entrySize === 16) {
    ways.push(
      () => image.change(l2Entry + 8, (bitmap) => bitmap | (1n << BigInt(pick(64)))),
      () => image.change(l2Entry + 8, (bitmap) => bitmap ^ (0x1_0000_0001n << BigInt(pick(32)))),
      () => image.change(l2Entry, (entry) => entry | 1n),
    );
  }
  return ways[pick(ways.length)]?.() ?? "";
}

function makeImage(path: string, options: string): Uint8Array {
  const version3 = !options.includes("0.10");
  qemuImg("create", "-q", "-f", "qcow2", "-o", options, path, "2M");
  // Bytes are even: read as an L2 entry of version 2 they have bit 0 clear, which qemu-img does not look at.
  qemuIo(path, "write -P 2 0 100k", "write -P 4 700k 50k", "write -P 8 1500k 512");
  for (const command of ["write -c -P 3 256k 64k", "write -c -P 3 320k 64k"]) qemuIo(path, command);
  if (version3) qemuIo(path, "write -z 448k 64k", "write -z 0 64k");
  if (!/bits=[12]\b/.test(options)) {
    qemuImg("snapshot", "-c", "before", path);
    qemuIo(path, "write -P 10 64k 70k");
  }
  if (version3) qemuImg("bitmap", "--add", path, "changes");
  return readFileSync(path);
}

describe.skipIf(!hasQemu)(`check against qemu-img check (INSTAR_SEED=${seed})${qemuNote}`, () => {
  it.each([
    "cluster_size=512",
    "cluster_size=512,refcount_bits=2",
    "cluster_size=4096,refcount_bits=1",
    "cluster_size=4096,refcount_bits=64",
    "cluster_size=65536",
    "cluster_size=1024,compat=0.10",
    "cluster_size=16384,extended_l2=on",
  ])("counts the same in damaged images: %s", { timeout: 120_000 }, async (options) => {
    using scratch = new Scratch();
    const path = scratch.file("damaged.qcow2");
    const whole = makeImage(path, options);
    const pick = random(seed);
    let damaged = 0;
    for (let round = 0; round < rounds; round++) {
      const image = new Damage(whole);
      const done: string[] = [];
      // The first round leaves the image as it is.
      const maxRefcount = options.endsWith("bits=1") ? 1 : 2;
      for (let n = round === 0 ? 0 : 1 + pick(2); n > 0; n--) done.push(damage(image, pick, maxRefcount));
      writeFileSync(path, image.bytes);
      const theirs = qemuImgJson(["check", "-f", "qcow2", "--output=json", path]);
      const file = await memoryOf(image.bytes);
      const ours = await checkImage(file, await readHeader(file), { problems: Infinity });
      const messages = ours.problems.map(({ message }) => message);
      // Damage upon damage can make these two, of which QEMU thinks less: it takes the header for an L2 table, or
      // lets a flag stand that version 2 and extended entries do not have.
      const missed = /flags without an offset|in a version 2 image|being extended/;
      if (messages.some((message) => missed.test(message))) continue;
      const title = [`round ${round}`, ...done, ...messages.slice(0, 5)].join("\n");
      expect(ours, title).toMatchObject({
        corruptions: theirs["corruptions"] ?? 0,
        leaks: theirs["leaks"] ?? 0,
        checkErrors: theirs["check-errors"],
        imageEndOffset: theirs["image-end-offset"],
        totalClusters: theirs["total-clusters"],
        allocatedClusters: theirs["allocated-clusters"] ?? 0,
        fragmentedClusters: theirs["fragmented-clusters"] ?? 0,
        compressedClusters: theirs["compressed-clusters"] ?? 0,
      });
      if (round === 0) expect([ours.corruptions, ours.leaks, ours.problems]).toEqual([0, 0, []]);
      if (ours.corruptions > 0) damaged++;
    }
    expect(damaged).toBeGreaterThan(rounds / 4);
  });
});
