import type { BitmapEntry } from "./bitmap-entry.js";
import { readU64, viewOf } from "./bytes.js";
import { quote, Qcow2Error } from "./errors.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import { entryText, offsetOf, offsetProblem } from "./table-entry.js";

/** The table entry of bits that are all set and stored nowhere. */
export const ONES = 1;

/**
 * Reads the table of a bitmap. Each entry is 0 (nothing is set), {@link ONES}, or the offset of a cluster.
 * Specification: "Bitmap table".
 *
 * @throws {@link Qcow2Error} `ERR_CORRUPT`
 */
export async function bitmapTable(
  file: HostFile,
  layout: Layout,
  entry: Pick<BitmapEntry, "name" | "tableOffset" | "tableSize">,
): Promise<DataView> {
  const { name, tableOffset, tableSize } = entry;
  if (tableOffset + tableSize * 8 > file.size) throw broken(file, name, tableOffset, "lie inside the file");
  const bytes = new Uint8Array(tableSize * 8);
  await file.read(bytes, tableOffset);
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.byteLength; at += 8) {
    const [high, low] = [view.getUint32(at), view.getUint32(at + 4)];
    const rule = bitmapTableEntryProblem(high, low, layout.clusterSize, file.size);
    if (rule !== undefined) throw broken(file, name, entryText(high, low), `${rule} (entry ${at / 8})`);
  }
  return view;
}

/**
 * The rule that an entry of a bitmap table breaks, completing the sentence "must …", or `undefined`.
 *
 * @param fileSize size of the image file in bytes
 */
export function bitmapTableEntryProblem(
  high: number,
  low: number,
  clusterSize: number,
  fileSize: number,
): string | undefined {
  const offset = offsetOf(high, low);
  const isReserved = (high & 0xff000000) !== 0 || (low & 0x1fe) !== 0 || (offset !== 0 && (low & ONES) !== 0);
  return isReserved ? "have its reserved bits clear" : offsetProblem(offset, clusterSize, fileSize);
}

/**
 * A cluster full of the bits of a bitmap, by its number.
 *
 * @throws {@link Qcow2Error} `ERR_CORRUPT`
 */
export async function bitmapChunk(
  file: HostFile,
  layout: Layout,
  { name, tableOffset, tableSize }: BitmapEntry,
  index: number,
): Promise<Uint8Array> {
  if (index >= tableSize) return new Uint8Array(layout.clusterSize);
  const part = { name, tableOffset: tableOffset + index * 8, tableSize: 1 };
  const table = await bitmapTable(file, layout, part);
  return chunkBytes(file, layout, tableEntry(table, 0));
}

/** An entry of a table. */
export function tableEntry(table: DataView, index: number): number {
  return readU64(table, index * 8);
}

/** The bits that a table entry shows, of which there is a cluster full. */
export async function chunkBytes(file: HostFile, layout: Layout, entry: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(layout.clusterSize);
  if (entry === ONES) bytes.fill(0xff);
  else if (entry !== 0) await file.read(bytes, entry);
  return bytes;
}

function broken(file: HostFile, name: string, value: number | string, rule: string): Qcow2Error {
  const message = `${file.name}: the table of bitmap ${quote(name)} must ${rule}`;
  return new Qcow2Error("ERR_CORRUPT", message, { field: "bitmap table", value, rule });
}
