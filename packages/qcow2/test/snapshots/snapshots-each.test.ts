import { MemoryBackend } from "@instar/backend";
import { expect, it } from "vitest";

import { Qcow2Image, type SnapshotInfo } from "../../src/index.js";

/** So many that their table is not read at once. */
const COUNT = 330;

async function imageWithMany(): Promise<Qcow2Image> {
  const image = await Qcow2Image.create(new MemoryBackend(), { size: 65_536 });
  for (let index = 0; index < COUNT; index++) {
    const [id, name] = [`${index} `.padEnd(127, "i"), `${index} `.padEnd(255, "n")];
    await image.snapshots.create({ id, name, date: new Date(index * 1000) });
  }
  return image;
}

it("snapshots come one after the other as the list has them, and only while they do not change", async () => {
  const image = await imageWithMany();
  const list = await image.snapshots.list();
  expect(list.map(({ name }) => parseInt(name, 10))).toEqual(Array.from({ length: COUNT }, (_, index) => index));
  const each: SnapshotInfo[] = [];
  for await (const snapshot of image.snapshots.each()) each.push(snapshot);
  expect(each).toEqual(list);

  const changes = [
    () => image.snapshots.apply({ name: list[3]?.name }),
    () => image.snapshots.remove({ name: list[3]?.name }),
    () => image.snapshots.create({ name: "another", date: new Date(0) }),
  ];
  for (const change of changes) {
    const seen: string[] = [];
    const interrupted = async (): Promise<void> => {
      for await (const { id } of image.snapshots.each()) if (seen.push(id) === 1) await change();
    };
    await expect(interrupted()).rejects.toMatchObject({ code: "ERR_CHANGED" });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.length).toBeLessThan(COUNT - 1);
  }
  await image.close();
});

it("an image without snapshots has none to go through", async () => {
  const image = await Qcow2Image.create(new MemoryBackend(), { size: 65_536 });
  for await (const snapshot of image.snapshots.each()) expect(snapshot).toBeUndefined();
  await image.close();
});
