import { viewOf } from "./bytes.js";
import { Qcow2Error, quote } from "./errors.js";

/** The three sets of feature bits, in the order of their type numbers in the feature name table. */
const FEATURE_KINDS = ["incompatible", "compatible", "autoclear"] as const;
/** A set of feature bits: what whoever does not know a bit must refuse, may ignore, or must clear before writing. */
export type FeatureKind = "incompatible" | "compatible" | "autoclear";

/** A feature bit and its name. */
export interface FeatureName {
  readonly kind: FeatureKind;
  /** Bit number, 0 to 63. */
  readonly bit: number;
  readonly name: string;
}

/** The feature bits of a header. */
export type FeatureBits = Readonly<Record<FeatureKind, bigint>>;

/** Incompatible feature bits. */
export const INCOMPATIBLE = { dirty: 1n, corrupt: 2n, dataFile: 4n, compressionType: 8n, extendedL2: 16n } as const;
/** Compatible feature bits. */
export const COMPATIBLE = { lazyRefcounts: 1n } as const;
/** Autoclear feature bits. */
export const AUTOCLEAR = { bitmaps: 1n, rawExternalData: 2n } as const;

/** Whether guest data lies in another file. Specification: "External data file bit". */
export function hasDataFile({ features }: { readonly features: FeatureBits }): boolean {
  return (features.incompatible & INCOMPATIBLE.dataFile) !== 0n;
}

/** Whether that file by itself is the disk. Specification: "Raw external data bit". */
export function isDataFileRaw(header: { readonly features: FeatureBits }): boolean {
  return hasDataFile(header) && (header.features.autoclear & AUTOCLEAR.rawExternalData) !== 0n;
}

/** The features of the specification by the names that QEMU writes into new images, in its order. */
export const KNOWN_FEATURES: readonly FeatureName[] = [
  { kind: "incompatible", bit: 0, name: "dirty bit" },
  { kind: "incompatible", bit: 1, name: "corrupt bit" },
  { kind: "incompatible", bit: 2, name: "external data file" },
  { kind: "incompatible", bit: 3, name: "compression type" },
  { kind: "incompatible", bit: 4, name: "extended L2 entries" },
  { kind: "compatible", bit: 0, name: "lazy refcounts" },
  { kind: "autoclear", bit: 0, name: "bitmaps" },
  { kind: "autoclear", bit: 1, name: "raw external data" },
];

/** Bytes of one entry of the feature name table. */
const NAME_ENTRY = 48;

/** Reads a feature name table. Entries of unknown kinds are left out. Specification: "Feature name table". */
export function parseFeatureNames(data: Uint8Array): FeatureName[] {
  const names: FeatureName[] = [];
  const view = viewOf(data);
  for (let at = 0; at + NAME_ENTRY <= data.byteLength; at += NAME_ENTRY) {
    const kind = FEATURE_KINDS[view.getUint8(at)];
    const bit = view.getUint8(at + 1);
    if (kind === undefined || bit > 63) continue;
    const padded = data.subarray(at + 2, at + NAME_ENTRY);
    const end = padded.indexOf(0);
    const name = new TextDecoder().decode(end < 0 ? padded : padded.subarray(0, end));
    names.push({ kind, bit, name });
  }
  return names;
}

/** Writes a feature name table. */
export function encodeFeatureNames(names: readonly FeatureName[]): Uint8Array {
  const data = new Uint8Array(names.length * NAME_ENTRY);
  for (const [index, { kind, bit, name }] of names.entries()) {
    const entry = data.subarray(index * NAME_ENTRY, (index + 1) * NAME_ENTRY);
    entry[0] = FEATURE_KINDS.indexOf(kind);
    entry[1] = bit;
    new TextEncoder().encodeInto(name, entry.subarray(2));
  }
  return data;
}

/** The names of the bits that are set; what neither `names` nor the specification names is called `bit N`. */
export function featureNames(kind: FeatureKind, bits: bigint, names: readonly FeatureName[] = []): string[] {
  const found: string[] = [];
  for (let bit = 0; bits >> BigInt(bit) > 0n; bit++) {
    if (((bits >> BigInt(bit)) & 1n) === 0n) continue;
    const known = [...KNOWN_FEATURES, ...names].find((feature) => feature.kind === kind && feature.bit === bit);
    found.push(known === undefined || known.name === "" ? `bit ${bit}` : known.name);
  }
  return found;
}

/**
 * Refuses incompatible features that are unknown.
 *
 * @param names the image's own feature name table
 * @throws {@link Qcow2Error} `ERR_UNKNOWN_FEATURE`
 */
export function requireSupported(where: string, incompatible: bigint, names: readonly FeatureName[]): void {
  const { dirty, corrupt, dataFile, compressionType, extendedL2 } = INCOMPATIBLE;
  const unknown = incompatible & ~(dirty | corrupt | dataFile | compressionType | extendedL2);
  if (unknown === 0n) return;
  const list = featureNames("incompatible", unknown, names).map(quote).join(", ");
  throw new Qcow2Error("ERR_UNKNOWN_FEATURE", `${where}: needs an unknown incompatible feature: ${list}`, {
    field: "incompatible_features",
    value: incompatible,
    rule: `not have ${list}`,
  });
}
