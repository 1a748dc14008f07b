import type { Backend, CallOptions } from "@instar/backend";

import { decodeDirectoryPlace, MAX_BITMAP_DIRECTORY } from "../bitmap-directory.js";
import { type BitmapEntry, decodeBitmapEntry } from "../bitmap-entry.js";
import { bitmapTableEntryProblem } from "../bitmap-table.js";
import { viewOf } from "../bytes.js";
import { AUTOCLEAR } from "../features.js";
import type { Qcow2Header } from "../header.js";
import { EXTENSION, findExtension } from "../header-extensions.js";
import { readClipped } from "../read-clipped.js";
import { entryText, offsetOf } from "../table-entry.js";
import type { References } from "./references.js";
import type { ReportBuilder } from "./report.js";

/** What counting bitmaps needs. */
export interface BitmapContext {
  readonly file: Backend;
  readonly header: Qcow2Header;
  readonly clusterSize: number;
  readonly report: ReportBuilder;
  readonly references: References;
  readonly call: CallOptions;
}

/** Bytes of a bitmap table that are held at once. */
const CHUNK = 65536;

/**
 * Counts what the bitmaps take. Without their autoclear bit they are out of date: what they take is leaked then.
 * Specification: "Bitmaps".
 */
export async function checkBitmaps(context: BitmapContext): Promise<void> {
  const { file, header, report, references } = context;
  const extension = findExtension(header.extensions, EXTENSION.bitmaps);
  if (extension === undefined || (header.features.autoclear & AUTOCLEAR.bitmaps) === 0n) return;
  const place = decodeDirectoryPlace(extension);
  if (!place) {
    report.corruption(() => `bitmaps extension has ${extension.byteLength} bytes, which are too few`);
    return;
  }
  const { count, size, offset } = place;
  if (size > MAX_BITMAP_DIRECTORY || offset % context.clusterSize !== 0 || offset + size > file.size) {
    report.corruption(() => `bitmap directory of ${size} bytes at ${offset} is misplaced or too long`);
    return;
  }
  references.addMetadata(offset, size, "bitmap directory");
  const directory = await readClipped(file, offset, size, context.call);
  for (let at = 0, index = 0; index < count; index++) {
    const found = decodeBitmapEntry(directory.subarray(at), offset + at);
    if (!found) {
      report.corruption(() => `bitmap directory ends inside entry ${index}`);
      return;
    }
    await checkTable(context, index, found.entry);
    at += found.length;
  }
}

async function checkTable(
  context: BitmapContext,
  bitmap: number,
  { tableOffset: offset, tableSize: entries }: BitmapEntry,
): Promise<void> {
  const { file, clusterSize, report, references, call } = context;
  if (offset % clusterSize !== 0 || offset + entries * 8 > file.size) {
    report.corruption(() => `table of bitmap ${bitmap} (${entries} entries at ${offset}) is misplaced or too long`);
    return;
  }
  references.addMetadata(offset, entries * 8, `table of bitmap ${bitmap}`);
  for (let begin = 0; begin < entries * 8; begin += CHUNK) {
    call.signal?.throwIfAborted();
    const length = Math.min(CHUNK, entries * 8 - begin);
    const view = viewOf(await readClipped(file, offset + begin, length, call));
    for (let at = 0; at < length; at += 8) {
      const high = view.getUint32(at);
      const low = view.getUint32(at + 4);
      // What lies behind the file is told by whoever counts it.
      if (bitmapTableEntryProblem(high, low, clusterSize, Infinity) !== undefined) {
        report.corruption(() => `bitmap ${bitmap}: table entry ${(begin + at) / 8} is ${entryText(high, low)}`);
        continue;
      }
      const data = offsetOf(high, low);
      if (data !== 0) references.addMetadata(data, clusterSize, `bitmap ${bitmap}`);
    }
  }
}
