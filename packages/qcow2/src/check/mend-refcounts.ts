import type { HostFile } from "../host-file.js";
import { readClipped } from "../read-clipped.js";
import { refcountCodec } from "../refcount-codec.js";
import { countedClusters } from "./check-refcounts.js";
import type { Survey } from "./survey.js";

/**
 * Sets refcounts to the references that were counted, where they stand. The refcount table and its blocks are in order, or lie
 * behind the file.
 *
 * @param what `leaks` to lower those that are too high, and no others
 */
export async function mendRefcounts(file: HostFile, survey: Survey, what: "leaks" | "all"): Promise<void> {
  const { geometry, counts, stored, call } = survey;
  const { clusterSize, refcountsPerBlock, refcountBits, refcountOrder } = geometry;
  const codec = refcountCodec(refcountOrder);
  const clusters = countedClusters(survey);
  for (let block = 0; block * refcountsPerBlock < clusters; block++) {
    call.signal?.throwIfAborted();
    const offset = stored.blockOffset(block) ?? 0;
    // Without a block in the file there are no refcounts, and nobody needs any.
    if (offset === 0 || offset >= survey.fileSize) continue;
    const bytes = await readClipped(survey.file, offset, clusterSize, call);
    const first = block * refcountsPerBlock;
    let begin = Infinity;
    let end = 0;
    for (let index = 0; index < refcountsPerBlock && first + index < clusters; index++) {
      const refcount = codec.get(bytes, index);
      const count = counts.get(first + index);
      if (refcount === count || (what === "leaks" && refcount < count)) continue;
      codec.set(bytes, index, count);
      begin = Math.min(begin, Math.floor((index * refcountBits) / 8));
      end = Math.max(end, Math.ceil(((index + 1) * refcountBits) / 8));
    }
    if (end > 0) await file.writeData(bytes.subarray(begin, end), offset + begin);
  }
  await file.sync();
}
