import type { Backend, CallOptions } from "@instar/backend";

import { alignUp, readU64, viewOf } from "../bytes.js";
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

/** Bytes of a bitmap directory entry in front of its extra data. */
const FIXED = 24;
/** Most bytes a bitmap directory may take; the limit that QEMU sets. */
const MAX_DIRECTORY: number = 65535 * 1024;
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
  if (extension.byteLength < FIXED) {
    report.corruption(() => `bitmaps extension has ${extension.byteLength} bytes, must have ${FIXED}`);
    return;
  }
  const view = viewOf(extension);
  const count = view.getUint32(0);
  const size = readU64(view, 8);
  const offset = readU64(view, 16);
  if (size > MAX_DIRECTORY || offset % context.clusterSize !== 0 || offset + size > file.size) {
    report.corruption(() => `bitmap directory of ${size} bytes at ${offset} is misplaced or too long`);
    return;
  }
  references.addMetadata(offset, size, "bitmap directory");
  const directory = viewOf(await readClipped(file, offset, size, context.call));
  let at = 0;
  for (let index = 0; index < count; index++) {
    const fits = at + FIXED <= size;
    const length = fits ? FIXED + directory.getUint32(at + 20) + directory.getUint16(at + 18) : 0;
    if (!fits || at + length > size) {
      report.corruption(() => `bitmap directory ends inside entry ${index}`);
      return;
    }
    await checkTable(context, index, readU64(directory, at), directory.getUint32(at + 8));
    at += alignUp(length, 8);
  }
}

async function checkTable(context: BitmapContext, bitmap: number, offset: number, entries: number): Promise<void> {
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
      const data = offsetOf(high, low);
      const flagged = data !== 0 && (low & 1) !== 0;
      if ((high & 0xff000000) !== 0 || (low & 0x1fe) !== 0 || flagged || data % clusterSize !== 0) {
        report.corruption(() => `bitmap ${bitmap}: table entry ${(begin + at) / 8} is ${entryText(high, low)}`);
      } else if (data !== 0) {
        references.addMetadata(data, clusterSize, `bitmap ${bitmap}`);
      }
    }
  }
}
