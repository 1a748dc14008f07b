import type { Backend } from "@instar/backend";

import { stampSectors } from "../sectors.ts";
import type { Guest } from "./guest.ts";
import { offsetOf } from "./scene.ts";

/** Something that a guest does to a disk. */
export interface Operation<Disk extends Backend = Backend> {
  readonly name: string;
  /** How often it is drawn, beside the others. */
  readonly weight: number;
  /** Whether nothing else may be under way. */
  readonly alone?: boolean;
  run(guest: Guest<Disk>): Promise<void>;
}

/** Writes a value of its own to some sectors. */
export const write: Operation = {
  name: "write",
  weight: 12,
  async run(guest) {
    const range = await guest.freeRange();
    const value = guest.newValue();
    const bytes = stampSectors(range.first, range.end - range.first, value);
    await guest.change(range, value, false, (call, offset) => guest.disk.write(bytes, offset, call));
  },
};

export const zero: Operation = {
  name: "zero",
  weight: 4,
  async run(guest) {
    const range = await guest.freeRange();
    await guest.change(range, 0, false, (call, at, length) => guest.disk.writeZeroes(at, length, call));
  },
};

export const discard: Operation = {
  name: "discard",
  weight: 4,
  async run(guest) {
    const range = await guest.freeRange();
    await guest.change(range, 0, true, (call, at, length) => guest.disk.discard(at, length, call));
  },
};

export const read: Operation = { name: "read", weight: 3, run: async (guest) => guest.read(await guest.freeRange()) };

export const sync: Operation = { name: "sync", weight: 4, run: (guest) => guest.sync() };

/** Sets another size, within the sectors that there are. */
export const resize: Operation = {
  name: "resize",
  weight: 1,
  alone: true,
  async run(guest) {
    const { scene, random } = guest;
    const size = scene.sectors - random.below(scene.sectors / 2);
    await guest.resize(size, (call) => guest.disk.truncate(offsetOf(scene, size) + scene.filler, call));
  },
};
