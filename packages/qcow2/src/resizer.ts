import { BackendError } from "@instar/backend";

import type { Allocator } from "./allocator.js";
import type { Eraser } from "./eraser.js";
import { maxGuestSize } from "./geometry.js";
import type { ExternalData } from "./external-data.js";
import type { FileEnd } from "./file-end.js";
import type { GuestData } from "./guest-data.js";
import type { HostFile } from "./host-file.js";
import type { IdentityMapping } from "./identity-mapping.js";
import type { L1Table } from "./l1-table.js";
import { letGo } from "./let-go.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import type { PendingFrees } from "./pending-frees.js";
import type { Tables } from "./tables.js";
import type { Zeroes } from "./zeroes.js";

/** What resizing needs. */
export interface ResizerContext {
  readonly file: HostFile;
  readonly data: GuestData;
  readonly external: ExternalData | undefined;
  readonly header: LiveHeader;
  readonly layout: Layout;
  readonly tables: Tables;
  readonly l1: L1Table;
  readonly metadata: MetadataRanges;
  readonly allocator: Allocator;
  readonly frees: PendingFrees;
  readonly eraser: Eraser;
  readonly zeroes: Zeroes;
  readonly identity: IdentityMapping;
  readonly fileEnd: FileEnd;
}

/** Changes the size of the guest disk. The caller has made sure that no other request is under way. */
export class Resizer {
  readonly #its: ResizerContext;

  constructor(context: ResizerContext) {
    this.#its = context;
  }

  /** Sets the size; the header switches to it at once, with everything prepared before or cleaned up after it. */
  async resize(size: number): Promise<void> {
    const { header } = this.#its;
    await header.settle();
    const { size: old, version, snapshotCount } = header.current;
    if (version === 2 && snapshotCount > 0 && size !== old) {
      // Version 2 cannot tell that a snapshot was of another size.
      const message = `${this.#its.file.name}: truncate: an image of version 2 that has snapshots cannot be resized`;
      throw new BackendError("ERR_UNSUPPORTED", message);
    }
    if (size > old) return this.#grow(old, size);
    if (size < old) await header.update({ size });
    await this.#dropFrom(size);
    await this.#its.external?.resize(old, size);
    await this.#its.fileEnd.cutOff();
  }

  /** Makes the L1 table long enough for guest bytes up to an end, which the disk need not have. */
  async reach(end: number): Promise<void> {
    const { header, layout, file } = this.#its;
    const most = maxGuestSize(layout);
    if (end > most) {
      throw new BackendError("ERR_RANGE", `${file.name}: ${end}: an image with its clusters has ${most} bytes at most`);
    }
    const entries = Math.ceil(end / layout.l2Coverage);
    if (entries > header.current.l1Size) await this.#moveL1(entries);
  }

  /** What is behind the old end must be zero before the end moves, whatever the backing image holds there. */
  async #grow(old: number, size: number): Promise<void> {
    const { header, tables, zeroes, external, identity } = this.#its;
    await this.reach(size);
    await external?.resize(old, size);
    for (let at = old; at < size;) at = await zeroes.zero(at, size, size);
    if (external?.raw) await identity.map(old, size);
    await tables.sync();
    await header.update({ size });
  }

  /** Forgets what is mapped behind the disk. Whole L2 tables are let go, entries behind the end in the last one erased. */
  async #dropFrom(size: number): Promise<void> {
    const { layout, eraser, l1 } = this.#its;
    const begin = Math.ceil(size / layout.clusterSize) * layout.clusterSize;
    const firstTable = Math.ceil(begin / layout.l2Coverage);
    const end = firstTable * layout.l2Coverage;
    if (Math.floor(begin / layout.l2Coverage) < l1.length) {
      for (let at = begin; at < end;) at = await eraser.erase(at, end, "drop");
    }
    for (let index = firstTable; index < l1.length;) {
      const { offset } = l1.tryEntry(index) ?? (await l1.entry(index));
      if (offset !== 0) await this.#dropTable(index, offset);
      index += Math.max(1, l1.countEmpty(index));
    }
  }

  async #dropTable(index: number, table: number): Promise<void> {
    const { layout, tables, l1, data, frees, metadata } = this.#its;
    const shown = [];
    for (let at = table; at < table + layout.clusterSize; at += tables.l2.sliceSize) {
      const lease = tables.l2.tryAt(at) ?? (await tables.l2.at(at));
      const { view } = lease.value;
      for (let position = 0; position < view.byteLength; position += layout.l2.entrySize) {
        if (layout.l2.isEmpty(view, position) || layout.l2.problem(view, position, data.end)) continue;
        shown.push(layout.l2.decode(view, position));
      }
      lease.release();
    }
    await l1.write(index, 0);
    metadata.remove(table);
    for (const entry of shown) letGo(entry, layout, frees);
    frees.add(table / layout.clusterSize, 1);
    await tables.l2.forget(table, layout.clusterSize);
  }

  /** Copies the L1 table to where it can be longer; the copy is durable before the header switches to it. */
  async #moveL1(entries: number): Promise<void> {
    const { file, header, layout, tables, allocator, frees } = this.#its;
    const { clusterSize } = layout;
    const { l1TableOffset, l1Size } = header.current;
    await tables.l1.sync();
    const place = await allocator.allocateRow(Math.ceil((entries * 8) / clusterSize));
    const offset = place.first * clusterSize;
    try {
      const table = new Uint8Array(place.count * clusterSize);
      if (l1Size > 0) await file.read(table.subarray(0, l1Size * 8), l1TableOffset);
      await tables.l1.forget(offset, table.byteLength);
      await file.writeData(table, offset);
      await tables.syncRefcounts();
      await header.update({ l1TableOffset: offset, l1Size: entries });
    } catch (error) {
      allocator.giveBack(place);
      throw error;
    }
    const oldClusters = Math.ceil((l1Size * 8) / clusterSize);
    if (oldClusters === 0) return;
    await tables.l1.forget(l1TableOffset, oldClusters * clusterSize);
    frees.add(l1TableOffset / clusterSize, oldClusters);
  }
}
