import { viewOf } from "./bytes.js";
import { Qcow2Error, ruleError } from "./errors.js";
import { MAX_L1_BYTES } from "./geometry.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import { entryText, isCopied, l1EntryProblem, offsetOf, offsetProblem, writeOffset } from "./table-entry.js";

/** An L2 table as it stands in the file. */
export interface StoredTable {
  /** Which entry of the L1 table shows it. */
  readonly index: number;
  /** Its offset in the file, in bytes. */
  readonly offset: number;
  /** Whether the L1 entry has its COPIED flag. */
  readonly copied: boolean;
  readonly bytes: Uint8Array;
}

/** Tables that are read at once. */
const AHEAD = 8;

/**
 * Reads an L1 table.
 *
 * @param name what to call it in messages
 * @throws {@link Qcow2Error} `ERR_CORRUPT` where it is misplaced
 */
export async function readL1(
  file: HostFile,
  layout: Layout,
  offset: number,
  entries: number,
  name: string,
): Promise<Uint8Array> {
  const length = entries * 8;
  if (length > MAX_L1_BYTES || offset % layout.clusterSize !== 0 || offset + length > file.size) {
    const message = `${file.name}: ${name} (${entries} entries at ${offset}) is misplaced or too long`;
    const rule = "inside the file, at a multiple of the cluster size";
    throw new Qcow2Error("ERR_CORRUPT", message, { field: name, value: offset, rule });
  }
  const bytes = new Uint8Array(length);
  if (length > 0) await file.read(bytes, offset);
  return bytes;
}

/**
 * The L2 tables that an L1 table shows, in its order, a few of them read ahead.
 *
 * @throws {@link Qcow2Error} `ERR_CORRUPT` for an entry that breaks a rule
 */
export async function* storedTables(file: HostFile, layout: Layout, l1: Uint8Array): AsyncGenerator<StoredTable> {
  const view = viewOf(l1);
  const ahead: Promise<StoredTable>[] = [];
  for (let index = 0; index < l1.byteLength / 8; index++) {
    const [high, low] = [view.getUint32(index * 8), view.getUint32(index * 8 + 4)];
    if (high === 0 && low === 0) continue;
    const rule = l1EntryProblem(high, low, layout.clusterSize, file.size);
    const offset = offsetOf(high, low);
    if (rule !== undefined || offset === 0) {
      const must = rule ?? "not have flags without an offset";
      throw ruleError("ERR_CORRUPT", file.name, `L1 entry ${index}`, entryText(high, low), `valid: it must ${must}`);
    }
    const reading = readTable(file, layout, { index, offset, copied: isCopied(high) });
    // A failure is met when its turn comes; until then it must not count as nobody's.
    reading.catch(() => undefined);
    ahead.push(reading);
    const oldest = ahead.length > AHEAD ? ahead.shift() : undefined;
    if (oldest) yield await oldest;
  }
  for (const rest of ahead) yield await rest;
}

async function readTable(file: HostFile, layout: Layout, table: Omit<StoredTable, "bytes">): Promise<StoredTable> {
  const bytes = new Uint8Array(layout.clusterSize);
  await file.read(bytes, table.offset);
  return { ...table, bytes };
}

/**
 * The numbers of the host clusters that an L2 table refers to, one for each reference.
 *
 * @throws {@link Qcow2Error} `ERR_CORRUPT` for an entry that points where nothing can be
 */
export function referencesOf(file: HostFile, layout: Layout, table: StoredTable): number[] {
  const { clusterSize, l2 } = layout;
  const view = viewOf(table.bytes);
  const clusters: number[] = [];
  for (let at = 0; at < clusterSize; at += l2.entrySize) {
    if (l2.isEmpty(view, at)) continue;
    const { compressed, hostOffset, compressedLength } = l2.decode(view, at);
    const rule = offsetProblem(
      compressed ? hostOffset - (hostOffset % clusterSize) : hostOffset,
      clusterSize,
      file.size,
    );
    if (rule !== undefined) {
      const field = `entry ${at / l2.entrySize} of the L2 table at ${table.offset}`;
      const value = entryText(view.getUint32(at), view.getUint32(at + 4));
      throw ruleError("ERR_CORRUPT", file.name, field, value, `valid: it must ${rule}`);
    }
    if (!compressed && hostOffset === 0) continue;
    const last = Math.floor((hostOffset + Math.max(1, compressedLength) - 1) / clusterSize);
    for (let cluster = Math.floor(hostOffset / clusterSize); cluster <= last; cluster++) clusters.push(cluster);
  }
  return clusters;
}

/** Sets the COPIED flag of entries of an L2 table. */
export class CopiedFlags {
  readonly #view: DataView;
  readonly #layout: Layout;
  /** Whether any flag was another before. */
  changed = false;

  constructor(table: Uint8Array, layout: Layout) {
    this.#view = viewOf(table);
    this.#layout = layout;
  }

  /** Clears all flags. */
  clear(): void {
    const { clusterSize, l2 } = this.#layout;
    for (let at = 0; at < clusterSize; at += l2.entrySize) {
      if (isCopied(this.#view.getUint32(at)) && !l2.decode(this.#view, at).compressed) this.set(at, false);
    }
  }

  /** The entries that show a host cluster which is theirs alone to show: not the compressed ones. */
  *entries(): Generator<{ readonly at: number; readonly cluster: number }> {
    const { clusterSize, l2 } = this.#layout;
    for (let at = 0; at < clusterSize; at += l2.entrySize) {
      const { compressed, hostOffset } = l2.decode(this.#view, at);
      if (hostOffset !== 0 && !compressed) yield { at, cluster: hostOffset / clusterSize };
    }
  }

  /** Sets the flag of the entry at a position of the table. */
  set(at: number, copied: boolean): void {
    const high = this.#view.getUint32(at);
    if (isCopied(high) === copied) return;
    this.changed = true;
    this.#view.setUint32(at, (copied ? high | 0x80000000 : high & 0x7fffffff) >>> 0);
  }
}

/** Makes an entry of an L1 table in memory show an L2 table. */
export function showTable(l1: Uint8Array, index: number, offset: number, copied: boolean): void {
  writeOffset(viewOf(l1), index * 8, offset, copied);
}
