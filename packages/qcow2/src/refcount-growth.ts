import { BackendError } from "@instar/backend";

import { alignUp, viewOf } from "./bytes.js";
import { MAX_REFCOUNT_TABLE_BYTES } from "./geometry.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import { refcountCodec } from "./refcount-codec.js";
import { writeOffset } from "./table-entry.js";
import type { Tables } from "./tables.js";

/** Bytes of the old table that are copied at once. */
const CHUNK = 65536;

/** Where a larger refcount table goes: behind all that the old one covers, with the blocks that count it. */
interface Plan {
  /** Index of the first new block; the new table lies at the first cluster that this block counts. */
  readonly firstBlock: number;
  readonly blocks: number;
  readonly tableClusters: number;
}

/**
 * Replaces the refcount table by a larger one that has room for the block `index`. New table and blocks are written
 * and made durable, then the header switches to them. When it fails before, nothing has changed. Afterwards the
 * clusters of the old table are not used any more.
 *
 * @returns the offsets of the new blocks
 * @throws {@link BackendError} `ERR_NO_SPACE` when the table would grow beyond what the format's users accept
 */
export async function growRefcountTable(
  file: HostFile,
  header: LiveHeader,
  layout: Layout,
  tables: Tables,
  index: number,
): Promise<readonly number[]> {
  const { clusterSize, refcountsPerBlock } = layout;
  const { refcountTableOffset, refcountTableClusters } = header.current;
  const plan = planGrowth(file, layout, refcountTableClusters, index);
  // The new table takes the blocks of the old one over, so they must be in the file.
  await tables.syncRefcounts();

  const first = plan.firstBlock * refcountsPerBlock;
  const blocksAt = (first + plan.tableClusters) * clusterSize;
  const refcounts = new Uint8Array(plan.blocks * clusterSize);
  const codec = refcountCodec(layout.refcountOrder);
  for (let used = 0; used < plan.tableClusters + plan.blocks; used++) codec.set(refcounts, used, 1);
  await tables.refcounts.forget(blocksAt, refcounts.byteLength);
  await file.writeData(refcounts, blocksAt);

  const table = new Uint8Array(plan.tableClusters * clusterSize);
  const length = refcountTableClusters * clusterSize;
  for (let at = 0; at < length; at += CHUNK) {
    await file.read(table.subarray(at, Math.min(at + CHUNK, length)), refcountTableOffset + at);
  }
  const view = viewOf(table);
  for (let block = 0; block < plan.blocks; block++) {
    writeOffset(view, (plan.firstBlock + block) * 8, blocksAt + block * clusterSize);
  }
  await tables.refcountTable.forget(first * clusterSize, table.byteLength);
  await file.writeData(table, first * clusterSize);
  await file.sync();
  await header.update({
    refcountTableOffset: first * clusterSize,
    refcountTableClusters: plan.tableClusters,
  });
  await tables.refcountTable.forget(refcountTableOffset, length);
  return Array.from({ length: plan.blocks }, (_, block) => blocksAt + block * clusterSize);
}

function planGrowth(file: HostFile, layout: Layout, oldClusters: number, index: number): Plan {
  const { clusterSize, refcountsPerBlock } = layout;
  const perCluster = clusterSize / 8;
  const firstBlock = Math.max(index, oldClusters * perCluster);
  // Half as large again, so that growing costs little in the long run.
  let tableClusters = Math.ceil(oldClusters * 1.5);
  let blocks = 1;
  for (;;) {
    const blocksNeeded = Math.ceil((tableClusters + blocks) / refcountsPerBlock);
    const tableNeeded = alignUp(firstBlock + blocksNeeded, perCluster) / perCluster;
    if (blocksNeeded <= blocks && tableNeeded <= tableClusters) break;
    blocks = Math.max(blocks, blocksNeeded);
    tableClusters = Math.max(tableClusters, tableNeeded);
  }
  if (tableClusters * clusterSize > MAX_REFCOUNT_TABLE_BYTES) {
    const message = `${file.name}: the refcount table cannot grow beyond ${MAX_REFCOUNT_TABLE_BYTES} bytes`;
    throw new BackendError("ERR_NO_SPACE", message);
  }
  return { firstBlock, blocks, tableClusters };
}
