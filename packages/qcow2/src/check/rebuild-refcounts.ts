import { BackendError } from "@instar/backend";

import { viewOf } from "../bytes.js";
import { MAX_REFCOUNT_TABLE_BYTES } from "../geometry.js";
import type { HostFile } from "../host-file.js";
import type { HeaderChange } from "../live-header.js";
import { refcountCodec } from "../refcount-codec.js";
import { writeOffset } from "../table-entry.js";
import { countedClusters } from "./check-refcounts.js";
import { FreePlaces } from "./free-places.js";
import type { Survey } from "./survey.js";

/** Where the new refcount table and its blocks go. */
interface Plan {
  /** First cluster of the table. */
  readonly table: number;
  readonly tableClusters: number;
  /** The cluster of each block, by the index of the block. */
  readonly blocks: ReadonlyMap<number, number>;
  /** All clusters that table and blocks take. */
  readonly taken: ReadonlySet<number>;
}

/**
 * Writes a refcount table and blocks anew, beside those that are there, out of the references that were counted. Nothing
 * has happened until the header says where they are.
 *
 * @param survey one in which the present refcount table and blocks are not counted
 * @returns what the header has to say, once all is durable
 * @throws {@link BackendError} `ERR_NO_SPACE` where the table would be longer than the format's users accept
 */
export async function rebuildRefcounts(file: HostFile, survey: Survey): Promise<HeaderChange> {
  const { geometry, counts, call } = survey;
  const { clusterSize, refcountsPerBlock, refcountOrder } = geometry;
  const plan = await planRefcounts(file, survey);
  const codec = refcountCodec(refcountOrder);
  const table = new Uint8Array(plan.tableClusters * clusterSize);
  const view = viewOf(table);
  for (const [index, place] of plan.blocks) {
    call.signal?.throwIfAborted();
    const block = new Uint8Array(clusterSize);
    const first = index * refcountsPerBlock;
    for (let at = 0; at < refcountsPerBlock; at++) {
      const count = plan.taken.has(first + at) ? 1 : counts.get(first + at);
      if (count > 0) codec.set(block, at, count);
    }
    await file.writeData(block, place * clusterSize);
    writeOffset(view, index * 8, place * clusterSize);
  }
  await file.writeData(table, plan.table * clusterSize);
  await file.sync();
  return { refcountTableOffset: plan.table * clusterSize, refcountTableClusters: plan.tableClusters };
}

/** Finds places for the table and for a block for every part of the file that is in use, which they are part of. */
async function planRefcounts(file: HostFile, survey: Survey): Promise<Plan> {
  const { geometry, counts } = survey;
  const { clusterSize, refcountsPerBlock } = geometry;
  for (let tableClusters = 1; ; tableClusters++) {
    if (tableClusters * clusterSize > MAX_REFCOUNT_TABLE_BYTES) {
      const message = `${file.name}: the refcount table cannot grow beyond ${MAX_REFCOUNT_TABLE_BYTES} bytes`;
      throw new BackendError("ERR_NO_SPACE", message);
    }
    const room = (tableClusters * clusterSize) / 8;
    const last = Math.floor((countedClusters(survey) - 1) / refcountsPerBlock);
    if (last >= room) {
      tableClusters = Math.ceil(((last + 1) * 8) / clusterSize) - 1;
      continue;
    }
    const places = new FreePlaces(survey);
    const table = await places.take(tableClusters);
    const needed = new Set<number>();
    for (const cluster of counts.used()) needed.add(Math.floor(cluster / refcountsPerBlock));
    for (const cluster of places.taken) needed.add(Math.floor(cluster / refcountsPerBlock));
    const blocks = new Map<number, number>();
    // A set gives what is added while it is gone through, too.
    for (const index of needed) {
      const place = await places.take(1);
      blocks.set(index, place);
      needed.add(Math.floor(place / refcountsPerBlock));
    }
    if ([...needed].every((index) => index < room)) return { table, tableClusters, blocks, taken: places.taken };
  }
}
