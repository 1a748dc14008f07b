import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { type NewEncryption, type Preallocation, Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuImgJson, qemuNote, Scratch } from "../format-support.js";
import { contents, firstDifference } from "./files.js";
import { ModelDisk } from "./model-disk.js";
import { Random, seed } from "./random.js";

const SIZE = 3 * 1024 * 1024 + 512;
const PASSPHRASE = new TextEncoder().encode("correct horse");
const SECRET = ["--object", "secret,id=key,data=correct horse"];

/** Few rounds: these keys guard nothing. */
const QUICK = { format: "luks", passphrase: PASSPHRASE, iterations: 1000 } as const;

/** What the options of a new image say besides its size. */
interface Kind {
  readonly preallocation?: Preallocation;
  readonly version?: 2 | 3;
  readonly clusterSize?: number;
  readonly extendedL2?: boolean;
  readonly encryption: NewEncryption;
}

const kinds: Record<string, Kind> = {
  "aes-256, xts, plain64": { encryption: QUICK },
  "aes-128, xts, plain, small clusters": {
    clusterSize: 512,
    encryption: { ...QUICK, cipher: "aes-128", iv: "plain" },
  },
  "aes-192, xts, sha1, extended L2": {
    extendedL2: true,
    encryption: { ...QUICK, cipher: "aes-192", hash: "sha1" },
  },
  "aes-128, cbc, essiv, version 2": {
    version: 2,
    clusterSize: 4096,
    encryption: { ...QUICK, cipher: "aes-128", mode: "cbc", iv: "essiv", hash: "sha512" },
  },
  "aes-256, cbc, plain, large clusters": {
    clusterSize: 2_097_152,
    encryption: { ...QUICK, mode: "cbc", iv: "plain", hash: "ripemd160" },
  },
  "aes-256, ctr, plain64": { encryption: { ...QUICK, mode: "ctr", hash: "sha384" } },
  "serpent-256, xts, essiv": { encryption: { ...QUICK, cipher: "serpent-256", iv: "essiv" } },
  "twofish-192, xts, md5": { encryption: { ...QUICK, cipher: "twofish-192", hash: "md5" } },
  "cast5-128, cbc, small clusters": {
    clusterSize: 512,
    encryption: { ...QUICK, cipher: "cast5-128", mode: "cbc" },
  },
  "aes-256, xts, tables set aside": { preallocation: "metadata", encryption: QUICK },
  "aes-256, xts, version 2, tables set aside": { version: 2, preallocation: "metadata", encryption: QUICK },
  "aes-256, xts, subclusters set aside": { extendedL2: true, preallocation: "metadata", encryption: QUICK },
  "aes-256, xts, all set aside": { clusterSize: 4096, preallocation: "full", encryption: QUICK },
  "aes-128, ecb": { encryption: { ...QUICK, cipher: "aes-128", mode: "ecb", hash: "sha224" } },
};

function described(path: string): string {
  return `driver=qcow2,file.filename=${path},encrypt.key-secret=key`;
}

async function openImage(path: string): Promise<Qcow2Image> {
  const file = await FsBackend.open(path, { write: true });
  return Qcow2Image.open(file, { write: true, encryption: { passphrase: PASSPHRASE } });
}

/** Checks and compares with QEMU. */
async function judge(path: string, expected: Uint8Array): Promise<void> {
  const report = qemuImgJson(["check", "--output=json", ...SECRET, "--image-opts", described(path)]);
  expect({ leaks: report["leaks"], corruptions: report["corruptions"] }).toEqual({});
  await writeFile(`${path}.expected`, expected);
  const raw = `driver=raw,file.filename=${path}.expected`;
  qemuImg("compare", "-q", ...SECRET, "--image-opts", described(path), raw);
}

describe.skipIf(!hasQemu)(`encrypted images, QEMU and we in turn${qemuNote} [INSTAR_SEED=${seed}]`, () => {
  it.each(Object.entries(kinds))("%s", async (_, kind) => {
    using scratch = new Scratch();
    const path = scratch.file("image.qcow2");
    const file = await FsBackend.open(path, { write: true, create: "new" });
    await (await Qcow2Image.create(file, { ...kind, size: SIZE })).close();
    const random = new Random(seed + SIZE);
    const model = new ModelDisk(new Uint8Array(SIZE), random);
    await judge(path, model.bytes);
    for (let turn = 0; turn < 3; turn++) {
      const image = await openImage(path);
      for (let step = 0; step < 40; step++) await model.step(image);
      expect(firstDifference(await contents(image), model.bytes)).toBe(-1);
      await image.close();
      await judge(path, model.bytes);
      const commands = Array.from({ length: 10 }, () => {
        const offset = random.below(SIZE - 512);
        const length = Math.min(SIZE - offset, 1 + random.below(150_000));
        const pattern = random.of(0, 1 + random.below(255));
        model.bytes.fill(pattern, offset, offset + length);
        return pattern === 0 ? `write -z ${offset} ${length}` : `write -P ${pattern} ${offset} ${length}`;
      });
      const args = commands.flatMap((command) => ["-c", command]);
      execFileSync("qemu-io", [...SECRET, "--image-opts", described(path), ...args], { stdio: "pipe" });
      await judge(path, model.bytes);
    }
  });

  it("says of itself what QEMU says", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image.qcow2");
    const file = await FsBackend.open(path, { write: true, create: "new" });
    const image = await Qcow2Image.create(file, { size: SIZE, encryption: QUICK });
    const header = await image.encryption?.luksHeader();
    await image.close();
    const info = qemuImgJson(["info", "--output=json", path]);
    expect(info["encrypted"]).toBe(true);
    expect(info["format-specific"]).toMatchObject({
      data: {
        encrypt: {
          format: "luks",
          uuid: header?.uuid,
          "cipher-alg": "aes-256",
          "cipher-mode": "xts",
          "ivgen-alg": "plain64",
          "hash-alg": "sha256",
          "payload-offset": header?.payloadOffset,
          "master-key-iters": header?.keyDigestIterations,
        },
      },
    });
  });

  it("takes a passphrase of QEMU's that we added", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image.qcow2");
    const file = await FsBackend.open(path, { write: true, create: "new" });
    const first = new TextEncoder().encode("first");
    const image = await Qcow2Image.create(file, { size: SIZE, encryption: { ...QUICK, passphrase: first } });
    await image.encryption?.addPassphrase({ passphrase: first, newPassphrase: PASSPHRASE, iterations: 1000 });
    await image.close();
    await judge(path, new Uint8Array(SIZE));
  });
});
