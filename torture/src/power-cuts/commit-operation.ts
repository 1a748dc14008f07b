import type { Qcow2Image } from "@instar/qcow2";

import type { Operation } from "./operations.ts";

/** Writes what the image holds into its backing image, and empties it once that is durable. The guest sees no change. */
export const commit: Operation<Qcow2Image> = {
  name: "commit",
  weight: 6,
  alone: true,
  async run(guest) {
    const { disk } = guest;
    await guest.attempt(async () => {
      const base = disk.backing;
      if (!base) throw new Error("a scene that commits has no backing image");
      for await (const { offset, length, depth, present, zero } of disk.map(0, disk.size)) {
        if (depth > 0 || !present) continue;
        if (zero) {
          await base.writeZeroes(offset, length);
          continue;
        }
        const bytes = new Uint8Array(length);
        await disk.read(bytes, offset);
        await base.write(bytes, offset);
      }
      await base.sync();
      await disk.makeEmpty();
    });
  },
};
