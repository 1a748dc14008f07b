import { AbsentData } from "./absent-data.js";
import { ExternalData } from "./external-data.js";
import { isDataFileRaw } from "./features.js";
import { type GuestData, OwnData } from "./guest-data.js";
import { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import type { OpenedParts } from "./open.js";
import { SealedData } from "./sealed-data.js";

/** What guest data is found with. */
export interface StoredDataContext {
  readonly file: HostFile;
  readonly header: LiveHeader;
  readonly layout: Layout;
  readonly metadata: MetadataRanges;
}

/** Where an image keeps its guest data. */
export interface StoredData {
  readonly data: GuestData;
  /** The same, if it is in a file of its own. */
  readonly external: ExternalData | undefined;
}

/** Finds out where an image keeps its guest data. */
export function storedData(
  its: StoredDataContext,
  { dataFile, cipher }: Pick<OpenedParts, "dataFile" | "cipher">,
): StoredData {
  const { file, header, layout, metadata } = its;
  if (layout.external && !dataFile) {
    return { data: new AbsentData(file.name, () => Number.MAX_SAFE_INTEGER), external: undefined };
  }
  if (header.current.cryptMethod !== 0 && !cipher) {
    return { data: new AbsentData(file.name, () => file.size), external: undefined };
  }
  const external = dataFile && new ExternalData(new HostFile(dataFile), header, isDataFileRaw(header.current));
  const stored = external ?? new OwnData(file, metadata);
  return { data: cipher ? new SealedData(stored, cipher) : stored, external };
}
