import { type CreateOptions, DEFAULT_CLUSTER_SIZE } from "./create-options.js";
import { encryptFields } from "./encrypt-options.js";
import { printable } from "./errors.js";
import { type TargetFormat } from "./format-names.js";

/** The line that says what is made, in the words and the order of qemu-img. */
export function formattingLine(name: string, format: TargetFormat, size: number, options: CreateOptions): string {
  const {
    compat,
    clusterSize = DEFAULT_CLUSTER_SIZE,
    refcountBits = 16,
    compressionType = "zlib",
    extendedL2,
    lazyRefcounts,
  } = options;
  const { backingFile, backingFormat, preallocation, dataFile, dataFileRaw, encrypt } = options;
  const qcow2 = format === "qcow2";
  const fields: (readonly [name: string, value: string | number | undefined])[] = [
    ...(qcow2 && encrypt ? encryptFields(encrypt, "encrypt.") : []),
    ["cluster_size", qcow2 ? clusterSize : undefined],
    ["extended_l2", qcow2 ? (extendedL2 ? "on" : "off") : undefined],
    ["preallocation", qcow2 ? preallocation : undefined],
    ["compression_type", qcow2 ? compressionType : undefined],
    ["size", size],
    ["compat", compat],
    ["backing_file", backingFile?.replaceAll(",", ",,")],
    ["backing_fmt", backingFormat],
    ["data_file", dataFile?.replaceAll(",", ",,")],
    ["data_file_raw", dataFileRaw === undefined ? undefined : dataFileRaw ? "on" : "off"],
    ["lazy_refcounts", qcow2 ? (lazyRefcounts ? "on" : "off") : undefined],
    ["refcount_bits", qcow2 ? refcountBits : undefined],
    ["preallocation", qcow2 ? undefined : preallocation],
    ...(!qcow2 && encrypt ? encryptFields(encrypt, "") : []),
  ];
  const shown = fields.filter(([, value]) => value !== undefined).map(([field, value]) => `${field}=${value}`);
  return `${printable(`Formatting '${name}', fmt=${format} ${shown.join(" ")}`)}\n`;
}
