import {
  COMPATIBLE,
  type FeatureKind,
  featureNames,
  INCOMPATIBLE,
  parseFeatureNames,
  hasDataFile,
  isDataFileRaw,
} from "./features.js";
import {
  backingFileName,
  backingFormat,
  type CompressionType,
  hasExtendedL2,
  headerGeometry,
  type Qcow2Header,
} from "./header.js";
import { dataFileName } from "./data-file.js";
import { EXTENSION, findExtension } from "./header-extensions.js";

/** What an image says about itself. Sizes are bytes. */
export interface Qcow2Info {
  readonly version: 2 | 3;
  /** Guest size. */
  readonly size: number;
  readonly clusterSize: number;
  readonly compressionType: CompressionType;
  readonly refcountBits: number;
  /** Refcounts may be out of date while the image is in use. */
  readonly lazyRefcounts: boolean;
  /** The image was not closed; its refcounts may be wrong. */
  readonly dirty: boolean;
  /** Somebody found its metadata contradictory. */
  readonly corrupt: boolean;
  /** How guest data is encrypted: `aes` is the legacy way. */
  readonly encryption: "aes" | "luks" | undefined;
  /** L2 entries tell 32 subclusters of each cluster apart. */
  readonly extendedL2: boolean;
  /** The name of the backing file as it stands in the image: hostile input, like all strings here. */
  readonly backingFile: string | undefined;
  readonly backingFormat: string | undefined;
  /** The name of the external data file. */
  readonly dataFile: string | undefined;
  /** Whether that file by itself is the disk; `undefined` where the data is in the image. */
  readonly dataFileRaw: boolean | undefined;
  /** How many snapshots are inside. */
  readonly snapshots: number;
  /** The feature bits that are set, by name, or `bit N` where nobody names them. */
  readonly features: Readonly<Record<FeatureKind, readonly string[]>>;
}

/** Sums up a header. */
export function imageInfo(header: Qcow2Header): Qcow2Info {
  const { clusterSize, refcountBits } = headerGeometry(header);
  const { incompatible, compatible, autoclear } = header.features;
  const table = findExtension(header.extensions, EXTENSION.featureNames);
  const names = table === undefined ? [] : parseFeatureNames(table);
  return {
    version: header.version,
    size: header.size,
    clusterSize,
    compressionType: header.compressionType,
    refcountBits,
    lazyRefcounts: (compatible & COMPATIBLE.lazyRefcounts) !== 0n,
    dirty: (incompatible & INCOMPATIBLE.dirty) !== 0n,
    encryption: ([undefined, "aes", "luks"] as const)[header.cryptMethod],
    corrupt: (incompatible & INCOMPATIBLE.corrupt) !== 0n,
    extendedL2: hasExtendedL2(header),
    backingFile: backingFileName(header),
    backingFormat: backingFormat(header),
    dataFile: dataFileName(header),
    dataFileRaw: hasDataFile(header) ? isDataFileRaw(header) : undefined,
    snapshots: header.snapshotCount,
    features: {
      incompatible: featureNames("incompatible", incompatible, names),
      compatible: featureNames("compatible", compatible, names),
      autoclear: featureNames("autoclear", autoclear, names),
    },
  };
}
