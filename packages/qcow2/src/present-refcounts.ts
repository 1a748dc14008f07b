import { viewOf } from "./bytes.js";
import { ruleError } from "./errors.js";
import type { Qcow2Header } from "./header.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import { type RefcountCodec, refcountCodec } from "./refcount-codec.js";
import { entryText, refcountBlockOffset, refcountTableEntryProblem } from "./table-entry.js";

/**
 * The offsets of the refcount blocks that the file has, by their numbers; 0 where there is none.
 *
 * @throws {@link Qcow2Error} `ERR_CORRUPT` for a refcount table that breaks its rules
 */
export async function presentBlocks(file: HostFile, header: Qcow2Header, layout: Layout): Promise<number[]> {
  const { refcountTableOffset, refcountTableClusters } = header;
  const table = new Uint8Array(refcountTableClusters * layout.clusterSize);
  await file.read(table, refcountTableOffset);
  const view = viewOf(table);
  const offsets: number[] = [];
  for (let at = 0; at < table.byteLength; at += 8) {
    const [high, low] = [view.getUint32(at), view.getUint32(at + 4)];
    if (high === 0 && low === 0) continue;
    const rule = refcountTableEntryProblem(high, low, layout.clusterSize, file.size);
    if (rule !== undefined) {
      const field = `refcount table entry ${at / 8}`;
      throw ruleError("ERR_CORRUPT", file.name, field, entryText(high, low), `valid: it must ${rule}`);
    }
    while (offsets.length < at / 8) offsets.push(0);
    offsets.push(refcountBlockOffset(high, low));
  }
  return offsets;
}

/**
 * A refcount block of another width, with the refcounts that the file has; `undefined` where all are zero.
 *
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` for a refcount that is too large for the width
 */
export async function recodedBlock(
  from: { readonly file: HostFile; readonly layout: Layout; readonly present: readonly number[] },
  codec: RefcountCodec,
  perBlock: number,
  index: number,
): Promise<Uint8Array | undefined> {
  const { file, layout, present } = from;
  const { clusterSize, refcountsPerBlock } = layout;
  const old = refcountCodec(layout.refcountOrder);
  const [begin, end] = [index * perBlock, (index + 1) * perBlock];
  const block = new Uint8Array(clusterSize);
  const source = new Uint8Array(clusterSize);
  let isUsed = false;
  for (let at = begin; at < end;) {
    const number = Math.floor(at / refcountsPerBlock);
    const stop = Math.min(end, (number + 1) * refcountsPerBlock);
    const offset = present[number] ?? 0;
    if (offset === 0) at = stop;
    else await file.read(source, offset);
    for (; at < stop; at++) {
      const refcount = old.get(source, at % refcountsPerBlock);
      if (refcount === 0) continue;
      if (refcount > codec.max) {
        const field = `refcount of cluster ${at}`;
        throw ruleError("ERR_INVALID_OPTION", file.name, field, refcount, `at most ${codec.max} to be stored so`);
      }
      codec.set(block, at - begin, refcount);
      isUsed = true;
    }
  }
  return isUsed ? block : undefined;
}
