import type { Qcow2Image } from "@instar/qcow2";

import { stampSectors } from "../sectors.ts";
import type { Operation } from "./operations.ts";

export const check: Operation<Qcow2Image> = {
  name: "check",
  weight: 1,
  alone: true,
  run: (guest) => guest.attempt(() => guest.scene.examine(guest.disk, false)),
};

/** Writes whole clusters compressed; on disks without gaps, whose sectors and clusters begin together. */
export const writeCompressed: Operation<Qcow2Image> = {
  name: "write compressed",
  weight: 4,
  async run(guest) {
    const grain = guest.disk.info().clusterSize / 512;
    const range = await guest.freeRange(grain);
    const value = guest.newValue();
    const bytes = stampSectors(range.first, range.end - range.first, value);
    const unordered = guest.random.once(2);
    await guest.change(range, value, false, (call, offset) =>
      guest.disk.writeCompressed(bytes, offset, { ...call, unordered }),
    );
  },
};

/** Drops all that the image holds over its backing image. */
export const makeEmpty: Operation<Qcow2Image> = {
  name: "make empty",
  weight: 1,
  alone: true,
  async run(guest) {
    const content = (await guest.content()).map((_, sector) => (sector < guest.scene.backed ? 1 : 0));
    await guest.replace(content, () => guest.disk.makeEmpty());
  },
};
