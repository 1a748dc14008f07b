import type { Backend } from "@instar/backend";
import type { Qcow2Image } from "@instar/qcow2";

import { beat } from "../examiner/heart.ts";
import { demand, Finding } from "../finding.ts";
import type { Random } from "../random.ts";
import type { CrashFile } from "../storage/crash-file.ts";
import { isOwn, type Opener } from "./formats.ts";

/** Extents or mappings that are looked at; an image may claim to have any number. */
const MOST = 2000;
/** A check may say that it needs more memory than this. */
const CHECK_MEMORY = 64 * 2 ** 20;

/** Opens a hostile image and does everything that can be done. A finding for an error that is not the packages' own. */
export async function exercise(file: CrashFile, open: Opener, random: Random): Promise<void> {
  const before = file.changes;
  const image = await attempt(() => open(file, false));
  if (image) await look(image, random);
  demand(file.changes === before, () => "an image that is open for reading was changed");
}

/** The same for writing, where the format is one that is written. */
export async function exerciseWriting(file: CrashFile, open: Opener, random: Random): Promise<void> {
  const before = file.changes;
  const header = await headerOf(file);
  // One that was not closed is repaired before anything else; it may turn out then that this does not help.
  const isDirty = ((header[79] ?? 0) & 1) === 1;
  const image = await attempt(() => open(file, true));
  if (image) {
    await change(image, random);
    // Whatever the tables point to, guest data goes nowhere near the magic number, the version and the cluster size.
    const after = await headerOf(file);
    for (const at of [0, 1, 2, 3, 4, 5, 6, 7, 20, 21, 22, 23]) {
      demand(after[at] === header[at], () => `a write of the guest has changed byte ${at} of the header`);
    }
  } else demand(isDirty || file.changes === before, () => "an image that was refused for writing was changed");
}

async function headerOf(file: CrashFile): Promise<Uint8Array> {
  const header = new Uint8Array(80);
  await file.read(header.subarray(0, Math.min(header.byteLength, file.size)), 0);
  return header;
}

async function look(image: Backend, random: Random): Promise<void> {
  await attempt(() => firstOf(image.extents(0, image.size)));
  const target = new Uint8Array(8192);
  for (let reads = 0; reads < 4; reads++) {
    const length = Math.min(image.size, target.byteLength);
    const offset = reads === 0 ? 0 : reads === 1 ? image.size - length : drawOffset(image.size - length, random);
    await attempt(() => image.read(target.subarray(0, length), offset));
  }
  if (isQcow2(image)) {
    await attempt(async () => image.info());
    await attempt(() => firstOf(image.map(0, image.size)));
    await attempt(() => image.check({ memoryLimit: CHECK_MEMORY }));
  }
  await attempt(() => image.close());
}

/** Also where it comes from another copy of the package. */
function isQcow2(image: Backend): image is Qcow2Image {
  return "check" in image;
}

async function change(image: Backend, random: Random): Promise<void> {
  const bytes = new Uint8Array(1 + random.below(3000)).fill(7);
  const length = Math.min(image.size, bytes.byteLength);
  const at = (): number => drawOffset(Math.min(image.size, 2 ** 21) - length, random);
  await attempt(() => image.write(bytes.subarray(0, length), at()));
  await attempt(() => image.writeZeroes(at(), length));
  await attempt(() => image.discard(0, Math.min(image.size, 100_000)));
  await attempt(() => image.sync());
  if (image.size < 2 ** 32) await attempt(() => image.truncate(random.of(image.size >> 1, image.size + 100_000)));
  await attempt(() => image.write(bytes.subarray(0, length), 0));
  await attempt(() => image.close());
}

async function firstOf(items: AsyncIterable<unknown>): Promise<void> {
  let count = 0;
  for await (const _ of items) if (++count === MOST) return;
}

function drawOffset(end: number, random: Random): number {
  return end <= 0 ? 0 : Math.floor((random.below(1 << 30) / 2 ** 30) * end);
}

/** What `run` gives; `undefined` where it refuses. */
async function attempt<T>(run: () => Promise<T>): Promise<T | undefined> {
  beat();
  try {
    return await run();
  } catch (error) {
    if (isOwn(error) || error instanceof Finding) {
      if (error instanceof Finding) throw error;
      return undefined;
    }
    throw new Finding(`an error of a foreign kind: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
