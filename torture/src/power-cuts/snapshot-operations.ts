import type { Qcow2Image } from "@instar/qcow2";

import { demand } from "../finding.ts";
import type { Guest } from "./guest.ts";
import type { Operation } from "./operations.ts";
import { Register } from "./register.ts";
import { verifySectors } from "./verify.ts";

/** Snapshots of an image at a time. */
const MOST_SNAPSHOTS = 4;

export const createSnapshot: Operation<Qcow2Image> = {
  name: "create snapshot",
  weight: 1,
  alone: true,
  async run(guest) {
    if (present(guest).length >= MOST_SNAPSHOTS) return removeSnapshot.run(guest);
    const values = await guest.content();
    const name = `snapshot ${guest.newValue()}`;
    const exists = new Register(0);
    guest.ledger.snapshots.set(name, { exists, values });
    guest.snapshots.add(name);
    await guest.turn(exists, 1, async () => {
      const made = (await guest.disk.snapshots.list()).some((snapshot) => snapshot.name === name);
      if (!made) await guest.disk.snapshots.create({ name, date: new Date(0) });
    });
  },
};

export const applySnapshot: Operation<Qcow2Image> = {
  name: "apply snapshot",
  weight: 1,
  alone: true,
  async run(guest) {
    const name = drawn(guest);
    const snapshot = name === undefined ? undefined : guest.ledger.snapshots.get(name);
    if (snapshot) await guest.replace(snapshot.values, () => guest.disk.snapshots.apply({ name }));
  },
};

export const removeSnapshot: Operation<Qcow2Image> = {
  name: "remove snapshot",
  weight: 1,
  alone: true,
  async run(guest) {
    const name = drawn(guest);
    const snapshot = name === undefined ? undefined : guest.ledger.snapshots.get(name);
    if (!snapshot || name === undefined) return;
    await guest.turn(snapshot.exists, 0, async () => {
      const left = (await guest.disk.snapshots.list()).some((each) => each.name === name);
      if (left) await guest.disk.snapshots.remove({ name });
    });
    guest.snapshots.delete(name);
  },
};

/** Reads a snapshot while the image is used. */
export const readSnapshot: Operation<Qcow2Image> = {
  name: "read snapshot",
  weight: 1,
  async run(guest) {
    const name = drawn(guest);
    const snapshot = name === undefined ? undefined : guest.ledger.snapshots.get(name);
    if (snapshot) await guest.attempt(() => expectSnapshot(guest.disk, guest.scene, name ?? "", snapshot.values));
  },
};

/** After a power cut: the snapshots are those that there may be, and hold what they held. */
export async function verifySnapshots(
  image: Qcow2Image,
  scene: { readonly gap: number; readonly sectors: number },
  { snapshots }: Pick<Guest["ledger"], "snapshots">,
): Promise<void> {
  const found = new Set((await image.snapshots.list()).map(({ name }) => name));
  for (const [name, { exists, values }] of snapshots) {
    const there = found.delete(name) ? 1 : 0;
    demand(exists.allows(there), () => `${name} exists: ${there}, may be ${String(exists)}`);
    if (there === 1) await expectSnapshot(image, scene, name, values);
  }
  demand(found.size === 0, () => `snapshots that nobody made: ${[...found].join(", ")}`);
}

async function expectSnapshot(
  image: Qcow2Image,
  scene: { readonly gap: number; readonly sectors: number },
  name: string,
  values: readonly number[],
): Promise<void> {
  const disk = await image.snapshots.open({ name });
  try {
    const sectors = values.map((value) => new Register(value));
    await verifySectors(disk, scene, { sectors }, () => true);
  } finally {
    await disk.close();
  }
}

function present(guest: Guest<Qcow2Image>): string[] {
  return [...guest.snapshots];
}

function drawn(guest: Guest<Qcow2Image>): string | undefined {
  const names = present(guest);
  return names.length === 0 ? undefined : guest.random.pick(names);
}
