import { spawnSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FsBackend } from "@instar/backend-fs";
import { type NewEncryption, Qcow2Image } from "@instar/qcow2";
import { median } from "../measure.js";
import { figure } from "../table.js";
import { seconds } from "./ours.js";

const MIB = 1024 * 1024;
const COUNT = 256;
const SIZE = COUNT * MIB;
const ROUNDS = 5;
const SECRET = ["--object", "secret,id=key,data=secret"];
/** Few rounds of PBKDF2: opening is not what is measured. */
const QUICK = { format: "luks", passphrase: Buffer.from("secret"), iterations: 1000 } as const;

const suites: Readonly<Record<string, NewEncryption>> = {
  "aes-256, xts": QUICK,
  "aes-128, cbc, essiv": { ...QUICK, cipher: "aes-128", mode: "cbc", iv: "essiv" },
};

/**
 * How fast encrypted clusters are read and written in place, 1 MiB at a time, here and by `qemu-img convert`, which is
 * the only program of QEMU that can be timed with a secret. Either works on 8 requests at once.
 */
export async function compareEncryption(folder: string): Promise<string[][]> {
  const path = join(folder, "encrypted.qcow2");
  const raw = join(folder, "source.raw");
  await writeFile(raw, new Uint8Array(SIZE).fill(7));
  const encrypted = `driver=qcow2,file.filename=${path},encrypt.key-secret=key`;
  const nowhere = `driver=null-co,size=${SIZE}`;
  const rows: string[][] = [];
  for (const [name, encryption] of Object.entries(suites)) {
    const file = await FsBackend.open(path, { write: true, create: "replace" });
    const image = await Qcow2Image.create(file, { size: SIZE, encryption });
    const ours = async (write: boolean): Promise<number> =>
      seconds(image, { title: name, write, bytes: MIB, depth: 8, count: COUNT - 1, step: MIB });
    await ours(true);
    await image.sync();
    const read = await ratios(() => ours(false), ["--image-opts", encrypted, "--target-image-opts", nowhere]);
    const write = await ratios(async () => {
      const mine = await ours(true);
      await image.sync();
      return mine;
    }, ["--image-opts", `driver=raw,file.filename=${raw}`, "--target-image-opts", encrypted]);
    await image.close();
    rows.push([`read, ${name}`, ...read], [`write, ${name}`, ...write]);
  }
  await rm(path);
  await rm(raw);
  return rows;
}

async function ratios(ours: () => Promise<number>, args: readonly string[]): Promise<string[]> {
  const times: number[] = [];
  const compared: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const mine = await ours();
    times.push(mine);
    const begin = performance.now();
    const { error, status } = spawnSync("qemu-img", ["convert", "-U", "-n", "-m", "8", "-W", ...SECRET, ...args]);
    if (!error && status === 0) compared.push((performance.now() - begin) / 1000 / mine);
  }
  const ratio = compared.length > 0 ? figure(median(compared)) : "qemu-img is not installed";
  return [figure(SIZE / MIB / median(times)), ratio];
}
