import type { Backend, CallOptions } from "@instar/backend";

import { viewOf } from "../bytes.js";
import type { Geometry } from "../geometry.js";
import type { EntryProblem, L2Codec } from "../l2-codec.js";
import { readClipped } from "../read-clipped.js";
import { entryText, isCopied, l1ReservedProblem, offsetOf } from "../table-entry.js";
import { inOrder } from "./in-order.js";
import type { References } from "./references.js";
import type { ReportBuilder } from "./report.js";
import type { TableMender } from "./table-mender.js";

/** What checking a mapping needs. */
export interface MappingContext {
  readonly file: Backend;
  readonly version: 2 | 3;
  readonly geometry: Geometry;
  readonly l2: L2Codec;
  /** Whether data clusters lie in a file of their own, at their guest offset, where nobody counts them. */
  readonly external: boolean;
  readonly report: ReportBuilder;
  readonly references: Pick<References, "add" | "addMetadata">;
  /** The refcount by which COPIED flags are judged, unless it cannot be read; a promise where it is not at hand. */
  readonly refcount: (cluster: number) => number | undefined | Promise<number | undefined>;
  readonly call: CallOptions;
  /** Where entries are to be put right. */
  readonly mender?: TableMender | undefined;
}

/** An L1 table. */
export interface L1Range {
  /** Offset in bytes. */
  readonly offset: number;
  readonly entries: number;
  /** Whether it is what the guest sees: only there are fragments counted and COPIED flags checked. */
  readonly active: boolean;
  readonly name: string;
}

/** Bytes of an L1 table that are held at once. */
const L1_CHUNK = 65536;
/** How many L2 tables are read at once. */
const AHEAD = 8;

/** Checks an L1 table and everything below it; puts right what the mender is for. */
export async function checkMapping(context: MappingContext, l1: L1Range): Promise<void> {
  const { file, references, report, call, geometry, mender } = context;
  references.addMetadata(l1.offset, l1.entries * 8, l1.name);
  for (let begin = 0; begin < l1.entries * 8; begin += L1_CHUNK) {
    const length = Math.min(L1_CHUNK, l1.entries * 8 - begin);
    const part = await readClipped(file, l1.offset + begin, length, call);
    const view = viewOf(part);
    const edit = mender?.editL1(part, l1.offset + begin);
    const tables: L2Table[] = [];
    for (let at = 0; at < length; at += 8) {
      const table = checkL1Entry(context, l1.name, (begin + at) / 8, view.getUint32(at), view.getUint32(at + 4));
      if (table !== undefined) tables.push({ ...table, position: at });
    }
    const load = (table: L2Table): Promise<Uint8Array> => readClipped(file, table.offset, geometry.clusterSize, call);
    for await (const { item, result } of inOrder(tables, load, AHEAD)) {
      call.signal?.throwIfAborted();
      if (l1.active) {
        const refcount = await context.refcount(item.offset / geometry.clusterSize);
        if (!isCopiedRight(item.copied, refcount) && !edit?.copied(item.position, refcount === 1)) {
          wrongFlag(report, "L2 table", item.offset, item.copied, refcount);
        }
      }
      if (result instanceof Error) report.error(() => `L2 table at ${item.offset} cannot be read: ${result.message}`);
      else await checkL2Table(context, l1.active, item, result);
    }
    await edit?.save(report);
  }
}

interface L2Table {
  /** Of its L1 entry. */
  readonly index: number;
  readonly offset: number;
  readonly copied: boolean;
  /** Where in its part of the L1 table the entry stands that shows it. */
  readonly position: number;
}

/** Counts the L2 table of an L1 entry, and returns it where it can be looked at. */
function checkL1Entry(
  context: MappingContext,
  l1: string,
  index: number,
  high: number,
  low: number,
): Omit<L2Table, "position"> | undefined {
  if (high === 0 && low === 0) return undefined;
  const { report, references, geometry } = context;
  const offset = offsetOf(high, low);
  const where = (): string => `${l1}: entry ${index} is ${entryText(high, low)}`;
  const reserved = offset === 0 ? "not have flags without an offset" : l1ReservedProblem(high, low);
  if (reserved !== undefined) report.corruption(() => `${where()}, must ${reserved}`);
  if (offset === 0) return undefined;
  references.add(offset, geometry.clusterSize, `${l1}: L2 table ${index}`);
  if (offset % geometry.clusterSize === 0) return { index, offset, copied: isCopied(high) };
  report.corruption(() => `${where()}, must point to a multiple of the cluster size`);
  return undefined;
}

async function checkL2Table(
  context: MappingContext,
  active: boolean,
  table: L2Table,
  bytes: Uint8Array,
): Promise<void> {
  const { report, references, geometry, l2, external } = context;
  const { clusterSize, l2Entries, l2Coverage } = geometry;
  const view = viewOf(bytes);
  const edit = context.mender?.editL2(bytes, table.offset);
  let next = 0;
  for (let index = 0, position = 0; index < l2Entries; index++, position += l2.entrySize) {
    if (l2.isEmpty(view, position)) continue;
    const problem = l2.contentProblem(view, position);
    if (problem) brokenEntry(report, table, index, problem);
    const { compressed, copied, hostOffset: offset, compressedLength, stored: shown } = l2.decode(view, position);
    if (compressed) {
      if (copied && !edit?.copied(position, false)) {
        brokenEntry(report, table, index, entryRule(view, position, "have its COPIED flag clear, being compressed"));
      }
      // Like QEMU: an entry with a bitmap that it must not have counts as no reference.
      if (problem) continue;
      references.add(offset, compressedLength, "compressed cluster");
      if (active) {
        report.allocatedClusters++;
        report.compressedClusters++;
        report.fragmentedClusters++;
      }
      continue;
    }
    // In a file of its own the first cluster lies at 0, where its flag alone may tell it from none.
    if (offset === 0 && !(external && (shown !== 0 || copied))) continue;
    if (offset % clusterSize !== 0) {
      if (shown === 0 && context.version === 3) {
        if (edit?.zero(position, geometry.extendedL2)) continue;
        report.misplacedZeroes++;
      }
      brokenEntry(report, table, index, entryRule(view, position, "point to a multiple of the cluster size"));
    }
    if (active) {
      report.allocatedClusters++;
      if (next !== 0 && offset !== next) report.fragmentedClusters++;
      next = offset + clusterSize;
      // Millions of entries pass here: a promise is made only for those that need another refcount block.
      const known = external ? 1 : context.refcount(Math.floor(offset / clusterSize));
      const refcount = typeof known === "object" ? await known : known;
      if (!isCopiedRight(copied, refcount) && !edit?.copied(position, refcount === 1)) {
        wrongFlag(report, "data cluster", offset, copied, refcount);
      }
    }
    if (!external) references.add(offset, clusterSize, "data cluster");
    else if (offset !== table.index * l2Coverage + index * clusterSize) {
      brokenEntry(report, table, index, entryRule(view, position, "point to where the guest sees the cluster"));
    }
  }
  await edit?.save(report);
}

function entryRule(view: DataView, position: number, rule: string): EntryProblem {
  return { part: "L2 entry", value: entryText(view.getUint32(position), view.getUint32(position + 4)), rule };
}

/** Notes an L2 entry that breaks a rule. Apart from the loop, which would else make its closures for every entry. */
function brokenEntry(report: ReportBuilder, table: L2Table, index: number, { part, value, rule }: EntryProblem): void {
  report.corruption(() => `L2 table at ${table.offset}: ${part} ${index} is ${value}, must ${rule}`);
}

/** The COPIED flag must be set exactly where the refcount is one; where that cannot be read, nobody knows. */
function isCopiedRight(copied: boolean, refcount: number | undefined): boolean {
  return refcount === undefined || (refcount === 1) === copied;
}

function wrongFlag(
  report: ReportBuilder,
  what: string,
  offset: number,
  copied: boolean,
  refcount: number | undefined,
): void {
  report.wrongFlags++;
  const flag = copied ? "has its COPIED flag" : "lacks its COPIED flag";
  report.corruption(() => `${what} at ${offset} ${flag}, its refcount being ${refcount}`);
}
