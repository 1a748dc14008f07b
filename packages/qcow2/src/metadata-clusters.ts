import { isQcow2Error } from "./errors.js";
import { viewOf } from "./bytes.js";
import { MAX_L1_BYTES } from "./geometry.js";
import type { Qcow2Header } from "./header.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import { readSnapshotTable } from "./snapshot-table.js";
import { offsetOf, refcountBlockOffset } from "./table-entry.js";

/** What a cluster holds; `another table` where tables contradict each other. */
export type MetadataKind =
  | "L2 table"
  | "refcount block"
  | "snapshot table"
  | "L1 table of a snapshot"
  | "another table";

/** Most bytes of the L1 table, and of the refcount table, that are looked at. */
const MOST = 1024 * 1024;

/** Which host clusters hold metadata that the header does not point to itself. */
export class MetadataClusters {
  readonly #kinds = new Map<number, MetadataKind>();

  /** Finds them by the tables as they stand in the file. Entries that break their rules point to nothing. */
  static async read(file: HostFile, header: Qcow2Header, layout: Layout): Promise<MetadataClusters> {
    const found = new MetadataClusters();
    const { clusterSize } = layout;
    const { l1TableOffset, l1Size, refcountTableOffset, refcountTableClusters } = header;
    const isPlace = (offset: number): boolean => offset !== 0 && offset % clusterSize === 0 && offset < file.size;
    await eachEntry(file, refcountTableOffset, refcountTableClusters * clusterSize, (high, low) => {
      const offset = refcountBlockOffset(high, low);
      if (isPlace(offset)) found.#claim(offset / clusterSize, "refcount block");
    });
    await eachEntry(file, l1TableOffset, l1Size * 8, (high, low) => {
      const offset = offsetOf(high, low);
      // Two entries for one table are as good as one here: what they need is that nobody else writes there.
      if (isPlace(offset) && found.get(offset / clusterSize) !== "L2 table") {
        found.#claim(offset / clusterSize, "L2 table");
      }
    });
    await found.#readSnapshots(file, header, clusterSize);
    return found;
  }

  get(cluster: number): MetadataKind | undefined {
    return this.#kinds.get(cluster);
  }

  set(cluster: number, kind: MetadataKind): void {
    this.#kinds.set(cluster, kind);
  }

  delete(cluster: number): void {
    this.#kinds.delete(cluster);
  }

  async #readSnapshots(file: HostFile, header: Qcow2Header, clusterSize: number): Promise<void> {
    if (header.snapshotCount === 0) return;
    try {
      const { snapshots, length } = await readSnapshotTable(file.backend, header);
      this.#claimRange(header.snapshotsOffset, length, clusterSize, "snapshot table");
      for (const { l1TableOffset, l1Size } of snapshots) {
        if (l1Size * 8 > MAX_L1_BYTES) continue;
        this.#claimRange(l1TableOffset, l1Size * 8, clusterSize, "L1 table of a snapshot");
      }
    } catch (error) {
      // Of a table that cannot be understood nobody knows how long it is.
      if (!isQcow2Error(error, "ERR_CORRUPT")) throw error;
    }
  }

  #claimRange(offset: number, length: number, clusterSize: number, kind: MetadataKind): void {
    const end = Math.ceil((offset + length) / clusterSize);
    for (let cluster = Math.floor(offset / clusterSize); cluster < end; cluster++) this.#claim(cluster, kind);
  }

  #claim(cluster: number, kind: MetadataKind): void {
    this.#kinds.set(cluster, this.#kinds.has(cluster) ? "another table" : kind);
  }
}

async function eachEntry(
  file: HostFile,
  offset: number,
  length: number,
  call: (high: number, low: number) => void,
): Promise<void> {
  const bytes = new Uint8Array(Math.min(length, MOST));
  if (bytes.byteLength > 0) await file.read(bytes, offset);
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.byteLength; at += 8) {
    const [high, low] = [view.getUint32(at), view.getUint32(at + 4)];
    if (high !== 0 || low !== 0) call(high, low);
  }
}
