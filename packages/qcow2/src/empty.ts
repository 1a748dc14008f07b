import { planImage } from "./create-layout.js";
import { ruleError } from "./errors.js";
import { isDataFileRaw } from "./features.js";
import { EXTENSION } from "./header-extensions.js";
import type { ImageHost } from "./image-host.js";
import { SnapshotSwitch } from "./snapshot-switch.js";

/** Extensions that refer to no clusters. */
const PLAIN_EXTENSIONS: readonly number[] = [EXTENSION.backingFormat, EXTENSION.featureNames, EXTENSION.dataFile];

/** Makes an image have nothing of its own, at once, and then gives what it took back to the file system. */
export async function makeEmpty({ engine, prepare, alone }: ImageHost): Promise<void> {
  await prepare();
  await alone(async () => {
    const { file, header, bitmaps, durability, stateSwitch } = engine;
    if (isDataFileRaw(header.current)) {
      const rule = "not raw: a raw data file has all of the disk, always";
      throw ruleError("ERR_INVALID_OPTION", file.name, "external data file", "raw", rule);
    }
    bitmaps.record(0, header.current.size);
    await durability.writeOut();
    await stateSwitch.run((next) => new SnapshotSwitch(engine, next).empty());
    const { snapshotCount, extensions } = header.current;
    const isAlone = snapshotCount === 0 && extensions.every(({ type }) => PLAIN_EXTENSIONS.includes(type));
    if (isAlone) await beginAgain(engine);
    await giveBack(engine);
  });
}

/** Lays the tables out as those of a new image, where nothing but them is left, and what takes their place is free. */
async function beginAgain({
  file,
  header,
  layout,
  tables,
  refcounts,
  allocator,
  metadata,
}: ImageHost["engine"]): Promise<void> {
  const { size, version, l1Size } = header.current;
  const { clusterSize, refcountBits, extendedL2 } = layout;
  const plan = planImage({ size, version, clusterSize, refcountBits, extendedL2 }, file.name);
  await allocator.rearrange(async () => {
    const clusters = plan.length / clusterSize;
    const { first, count } = await refcounts.findFree(1, clusters - 1);
    // An image that has been larger has a longer L1 table than a new one.
    if (first !== 1 || count < clusters - 1 || plan.header.l1Size !== l1Size) return Infinity;
    await file.zero(clusterSize, plan.length - clusterSize);
    for (const { offset, bytes } of plan.tables) await file.writeData(bytes, offset);
    await file.sync();
    const { l1TableOffset, refcountTableOffset, refcountTableClusters } = plan.header;
    await header.update({ l1TableOffset, refcountTableOffset, refcountTableClusters });
    await tables.forget();
    metadata.forget();
    return 0;
  });
}

/** Gives free clusters back: those at the end of the file by making it shorter, others as holes. */
async function giveBack({ file, layout, refcounts, allocator, fileEnd, space }: ImageHost["engine"]): Promise<void> {
  await fileEnd.cutOff();
  await allocator.rearrange(async () => {
    const clusters = Math.ceil(file.size / layout.clusterSize);
    const free: { first: number; count: number }[] = [];
    for (let at = 1; at < clusters;) {
      const { first, count, end } = await refcounts.findFree(at, clusters - at);
      const last = free.at(-1);
      if (last && last.first + last.count === first) last.count += count;
      else if (count > 0) free.push({ first, count });
      at = count > 0 && first + count < end ? first + count : end;
    }
    for (const { first, count } of free) await space.giveBackRow(first, count);
    return 0;
  });
}
