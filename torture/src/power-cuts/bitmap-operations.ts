import type { Qcow2Image } from "@instar/qcow2";

import { demand } from "../finding.ts";
import { SECTOR, sectorBuffer, valueOf } from "../sectors.ts";
import type { Guest } from "./guest.ts";
import type { Operation } from "./operations.ts";
import { Register } from "./register.ts";

/** Bitmaps of an image at a time. */
const MOST = 3;

export const addBitmap: Operation<Qcow2Image> = {
  name: "add bitmap",
  weight: 1,
  alone: true,
  async run(guest) {
    if (guest.bitmaps.size >= MOST) return removeBitmap.run(guest);
    const name = `bitmap ${guest.newValue()}`;
    const exists = new Register(0);
    guest.ledger.bitmaps.set(name, { exists, baseline: await guest.content() });
    guest.bitmaps.add(name);
    await guest.turn(exists, 1, async () => {
      if (!(await names(guest.disk)).includes(name)) {
        await guest.disk.bitmaps.add({ name, granularity: 512 << guest.random.below(5) });
      }
    });
  },
};

export const clearBitmap: Operation<Qcow2Image> = {
  name: "clear bitmap",
  weight: 1,
  alone: true,
  async run(guest) {
    const name = drawn(guest);
    if (name === undefined) return;
    const bitmap = guest.ledger.bitmaps.get(name);
    // From here on it counts from another moment, or still from the old one.
    if (bitmap) bitmap.baseline = undefined;
    await guest.attempt(() => guest.disk.bitmaps.clear(name));
  },
};

export const removeBitmap: Operation<Qcow2Image> = {
  name: "remove bitmap",
  weight: 1,
  alone: true,
  async run(guest) {
    const name = drawn(guest);
    const bitmap = name === undefined ? undefined : guest.ledger.bitmaps.get(name);
    if (!bitmap || name === undefined) return;
    await guest.turn(bitmap.exists, 0, async () => {
      if ((await names(guest.disk)).includes(name)) await guest.disk.bitmaps.remove(name);
    });
    guest.bitmaps.delete(name);
  },
};

/** After a power cut: a bitmap that does not say of itself that it is inconsistent shows every change. */
export async function verifyBitmaps(
  image: Qcow2Image,
  scene: { readonly gap: number; readonly sectors: number },
  { bitmaps }: Pick<Guest["ledger"], "bitmaps">,
): Promise<void> {
  const found = new Map((await image.bitmaps.list()).map((bitmap) => [bitmap.name, bitmap]));
  for (const [name, { exists, baseline }] of bitmaps) {
    const bitmap = found.get(name);
    found.delete(name);
    demand(exists.allows(bitmap ? 1 : 0), () => `${name} exists: ${!!bitmap}, may be ${String(exists)}`);
    if (bitmap && !bitmap.inconsistent && baseline) await verifyDirty(image, scene, name, baseline);
  }
  demand(found.size === 0, () => `bitmaps that nobody made: ${[...found.keys()].join(", ")}`);
}

async function verifyDirty(
  image: Qcow2Image,
  scene: { readonly gap: number; readonly sectors: number },
  name: string,
  baseline: readonly number[],
): Promise<void> {
  const count = Math.min(scene.sectors, Math.floor(image.size / SECTOR));
  const { bytes, words } = sectorBuffer(count);
  await image.read(bytes, 0);
  for await (const { offset, length, dirty } of image.bitmaps.dirty(name)) {
    if (dirty) continue;
    const end = Math.min(count, Math.floor((offset + length) / SECTOR));
    for (let sector = Math.ceil(offset / SECTOR); sector < end; sector++) {
      const value = valueOf(words, sector, sector);
      const before = baseline[sector] ?? 0;
      demand(value === before, () => `${name}: sector ${sector} is clean, and went from ${before} to ${value}`);
    }
  }
}

async function names(image: Qcow2Image): Promise<string[]> {
  return (await image.bitmaps.list()).map(({ name }) => name);
}

function drawn(guest: Guest<Qcow2Image>): string | undefined {
  return guest.bitmaps.size === 0 ? undefined : guest.random.pick([...guest.bitmaps]);
}
