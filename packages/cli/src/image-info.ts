import type { BitmapInfo, Qcow2Info } from "@instar/qcow2";
import { type Described, type Detail, detailLines } from "./formats/described.js";
import { type EncryptionFields, encryptionFields, encryptionLines } from "./formats/qcow2-encryption.js";
import type { Layer } from "./image.js";
import { fileFacts } from "./location.js";
import type { StorageSpec } from "./names/image-spec.js";
import { placeOf } from "./place.js";
import { formatSize } from "./sizes.js";
import { type SnapshotFields, snapshotLines, snapshotsOf } from "./snapshot-list.js";

/** What is particular to a qcow2 image, with the names of `qemu-img info --output=json`. */
export interface Qcow2Specific {
  readonly compat: "0.10" | "1.1";
  readonly "compression-type": string;
  readonly "lazy-refcounts"?: boolean;
  readonly bitmaps?: readonly BitmapFields[];
  readonly "refcount-bits": number;
  readonly encrypt?: EncryptionFields;
  readonly "data-file"?: string;
  readonly "data-file-raw"?: boolean;
  readonly corrupt?: boolean;
  readonly "extended-l2"?: boolean;
}

/** A dirty bitmap, with the names of `qemu-img info --output=json`. */
export interface BitmapFields {
  readonly flags: readonly ("in-use" | "auto")[];
  readonly name: string;
  readonly granularity: number;
}

/** What is known of an image, with the names of `qemu-img info --output=json`. Sizes in bytes. */
export interface ImageInfo {
  readonly "virtual-size": number;
  readonly filename: string;
  readonly "cluster-size"?: number;
  readonly format: string;
  /** What it takes on its file system. */
  readonly "actual-size"?: number;
  readonly "format-specific"?:
    | { readonly type: "qcow2"; readonly data: Qcow2Specific }
    | { readonly type: string; readonly data: { readonly [key: string]: Detail } };
  readonly "full-backing-filename"?: string;
  readonly "backing-filename"?: string;
  readonly "backing-filename-format"?: string;
  readonly encrypted?: boolean;
  readonly "dirty-flag": boolean;
  /** To be gone through while the image is open. */
  readonly snapshots?: AsyncIterable<SnapshotFields>;
}

/** Describes a layer of an image. */
export async function describeLayer(layer: Layer, filename: string): Promise<ImageInfo> {
  const { path, storage, format, disk, qcow2, described } = layer;
  const common = {
    "virtual-size": disk.size,
    filename,
    format,
    ...(path !== undefined && { "actual-size": await allocated(layer) }),
  };
  if (!qcow2) return { ...common, ...(described && fromDescription(described, storage)), "dirty-flag": false };
  const info = qcow2.info();
  const snapshots = await snapshotsOf(qcow2);
  const encrypt = await encryptionFields(qcow2);
  return {
    ...(snapshots && { snapshots }),
    ...common,
    "cluster-size": info.clusterSize,
    "format-specific": { type: "qcow2", data: specific(info, await qcow2.bitmaps.list(), encrypt) },
    ...(encrypt && { encrypted: true }),
    ...(info.backingFile !== undefined && {
      "backing-filename": info.backingFile,
      "full-backing-filename": placeOf(info.backingFile, storage),
    }),
    ...(info.backingFormat !== undefined && { "backing-filename-format": info.backingFormat }),
    "dirty-flag": info.dirty,
  };
}

/** Bytes that the files of a layer take on their file systems. */
async function allocated({ path, parts }: Layer): Promise<number> {
  const paths = [path, ...parts.map((part) => part.path)].filter((one) => one !== undefined);
  const facts = await Promise.all(paths.map(fileFacts));
  return facts.reduce((sum, one) => sum + (one?.allocated ?? 0), 0);
}

function fromDescription(
  { clusterSize, specific: particulars, encrypted, backing }: Described,
  storage: StorageSpec,
): Partial<ImageInfo> {
  return {
    ...(clusterSize !== undefined && { "cluster-size": clusterSize }),
    ...(particulars && { "format-specific": particulars }),
    ...(encrypted && { encrypted }),
    ...(backing && {
      "backing-filename": backing.name,
      "full-backing-filename": placeOf(backing.name, storage),
      "backing-filename-format": backing.format,
    }),
  };
}

function specific(
  info: Qcow2Info,
  bitmaps: readonly BitmapInfo[],
  encrypt: EncryptionFields | undefined,
): Qcow2Specific {
  const common = {
    "compression-type": info.compressionType,
    "refcount-bits": info.refcountBits,
    ...(encrypt && { encrypt }),
    ...(info.dataFile !== undefined && { "data-file": info.dataFile }),
    ...(info.dataFileRaw !== undefined && { "data-file-raw": info.dataFileRaw }),
  };
  if (info.version === 2) return { compat: "0.10", ...common };
  return {
    compat: "1.1",
    ...common,
    "lazy-refcounts": info.lazyRefcounts,
    ...(bitmaps.length > 0 && { bitmaps: bitmaps.map(bitmapFields) }),
    corrupt: info.corrupt,
    "extended-l2": info.extendedL2,
  };
}

function bitmapFields({ name, granularity, enabled, inconsistent }: BitmapInfo): BitmapFields {
  const flags = [...(inconsistent ? (["in-use"] as const) : []), ...(enabled ? (["auto"] as const) : [])];
  return { flags, name, granularity };
}

/** The description as `qemu-img info` prints it, line by line. */
export async function* forPeople(info: ImageInfo): AsyncGenerator<string> {
  yield `image: ${info.filename}`;
  yield `file format: ${info.format}`;
  yield `virtual size: ${formatSize(info["virtual-size"])} (${info["virtual-size"]} bytes)`;
  yield `disk size: ${info["actual-size"] === undefined ? "unavailable" : formatSize(info["actual-size"])}`;
  if (info.encrypted) yield "encrypted: yes";
  if (info["cluster-size"] !== undefined) yield `cluster_size: ${info["cluster-size"]}`;
  if (info["dirty-flag"]) yield "cleanly shut down: no";
  const backing = info["backing-filename"];
  if (backing !== undefined) {
    const full = info["full-backing-filename"];
    yield `backing file: ${backing}${full === backing ? "" : ` (actual path: ${full})`}`;
  }
  if (info["backing-filename-format"] !== undefined) yield `backing file format: ${info["backing-filename-format"]}`;
  if (info.snapshots) yield* snapshotLines(info.snapshots);
  if (info["format-specific"]) yield* specificLines(info["format-specific"]);
}

/** The part of the description that is particular to the format, a line each. */
export function specificLines(particulars: NonNullable<ImageInfo["format-specific"]>): string[] {
  return isQcow2(particulars) ? qcow2Lines(particulars.data) : detailLines(particulars.data);
}

function isQcow2(
  particulars: NonNullable<ImageInfo["format-specific"]>,
): particulars is { readonly type: "qcow2"; readonly data: Qcow2Specific } {
  return particulars.type === "qcow2";
}

function qcow2Lines(data: Qcow2Specific): string[] {
  const line = (key: Exclude<keyof Qcow2Specific, "bitmaps" | "encrypt">): string[] =>
    data[key] === undefined ? [] : [`    ${key.replaceAll("-", " ")}: ${data[key]}`];
  return [
    "Format specific information:",
    ...(["compat", "compression-type", "lazy-refcounts"] as const).flatMap(line),
    ...(data.bitmaps ? bitmapLines(data.bitmaps) : []),
    ...line("refcount-bits"),
    ...(data.encrypt ? encryptionLines(data.encrypt) : []),
    ...(["data-file", "data-file-raw", "corrupt", "extended-l2"] as const).flatMap(line),
  ];
}

function bitmapLines(bitmaps: readonly BitmapFields[]): string[] {
  const lines = bitmaps.flatMap(({ flags, name, granularity }, index) => [
    `        [${index}]:`,
    "            flags:",
    ...flags.map((flag, number) => `                [${number}]: ${flag}`),
    `            name: ${name}`,
    `            granularity: ${granularity}`,
  ]);
  return ["    bitmaps:", ...lines];
}
