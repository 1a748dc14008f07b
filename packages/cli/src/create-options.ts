import type { Preallocation } from "@instar/qcow2";
import { oneOf, parseKeyValues } from "./args.js";
import { encryptFormat, encryptReaders, type EncryptOptions } from "./encrypt-options.js";
import { UsageError } from "./errors.js";
import { type Format, type TargetFormat, formatNamed } from "./format-names.js";
import { PREALLOCATIONS } from "./preallocation.js";
import { parseSize } from "./sizes.js";

/** What `-o` says of a new image. Sizes in bytes. */
export interface CreateOptions {
  readonly size?: number;
  /** As given: `0.10`, `1.1`, `v2` or `v3`. */
  readonly compat?: string;
  readonly clusterSize?: number;
  readonly refcountBits?: number;
  readonly compressionType?: "zlib" | "zstd";
  readonly extendedL2?: boolean;
  readonly lazyRefcounts?: boolean;
  readonly preallocation?: Preallocation;
  readonly backingFile?: string;
  readonly backingFormat?: Format;
  readonly dataFile?: string;
  readonly dataFileRaw?: boolean;
  readonly encrypt?: EncryptOptions;
}

/** Bytes of a cluster where nothing is said of it. */
export const DEFAULT_CLUSTER_SIZE = 65_536;

/** How each option is understood. */
type Readers = Readonly<Record<string, (value: string) => CreateOptions>>;

const COMPAT = ["0.10", "1.1", "v2", "v3"];

/** Readers of what is to be encrypted how. */
function encrypting(readers: Readonly<Record<string, (value: string) => EncryptOptions>>): Readers {
  return Object.fromEntries(
    Object.entries(readers).map(([name, read]) => [name, (value): CreateOptions => ({ encrypt: read(value) })]),
  );
}

const READERS: Readonly<Record<TargetFormat, Readers>> = {
  luks: {
    size: (value) => ({ size: parseSize(value) }),
    ...encrypting(encryptReaders("")),
  },
  raw: {
    size: (value) => ({ size: parseSize(value) }),
    preallocation: (value) => ({ preallocation: oneOf("preallocation", value, PREALLOCATIONS) }),
  },
  qcow2: {
    size: (value) => ({ size: parseSize(value) }),
    compat: (value) => {
      if (!COMPAT.includes(value)) throw new UsageError(`compat '${value}': must be one of ${COMPAT.join(", ")}`);
      return { compat: value };
    },
    cluster_size: (value) => ({ clusterSize: parsePower("cluster_size", value, 512, 2_097_152) }),
    refcount_bits: (value) => ({ refcountBits: parsePower("refcount_bits", value, 1, 64) }),
    backing_file: (value) => ({ backingFile: value }),
    backing_fmt: (value) => ({ backingFormat: formatNamed(value) }),
    compression_type: (value) => ({ compressionType: compressionNamed(value) }),
    extended_l2: (value) => ({ extendedL2: parseSwitch("extended_l2", value) }),
    lazy_refcounts: (value) => ({ lazyRefcounts: parseSwitch("lazy_refcounts", value) }),
    preallocation: (value) => ({ preallocation: oneOf("preallocation", value, PREALLOCATIONS) }),
    data_file: (value) => ({ dataFile: value }),
    data_file_raw: (value) => ({ dataFileRaw: parseSwitch("data_file_raw", value) }),
    encryption: (value) => {
      if (!parseSwitch("encryption", value)) return {};
      throw new UsageError("encryption=on: is not safe; encrypt.format=luks with encrypt.key-secret=ID is");
    },
    ...encrypting({ "encrypt.format": encryptFormat, ...encryptReaders("encrypt.") }),
  },
};

function parsePower(name: string, text: string, least: number, most: number): number {
  const value = parseSize(text, name);
  if (value >= least && value <= most && Number.isInteger(Math.log2(value))) return value;
  throw new UsageError(`${name} is ${value}, must be a power of two from ${least} to ${most}`);
}

function compressionNamed(value: string): "zlib" | "zstd" {
  if (value === "zlib" || value === "zstd") return value;
  throw new UsageError(`compression_type '${value}': must be zlib or zstd`);
}

function parseSwitch(name: string, value: string): boolean {
  if (value !== "on" && value !== "off") throw new UsageError(`${name} '${value}': must be on or off`);
  return value === "on";
}

const HELP: Readonly<Record<TargetFormat, string>> = {
  luks: `Supported luks options:
  cipher-alg=<str>       - Cipher and bits of its key (default: aes-256)
  cipher-mode=<str>      - How blocks are chained: xts (the default), cbc, ctr or ecb
  hash-alg=<str>         - Hash that makes a key of the passphrase (default: sha256)
  iter-time=<num>        - Milliseconds that this is to take (default: 2000)
  ivgen-alg=<str>        - What makes initialization vectors: plain64 (the default), plain or essiv
  ivgen-hash-alg=<str>   - Hash of essiv (default: sha256)
  key-secret=<str>       - ID of the secret that is the passphrase (--object secret,id=ID,file=FILE)
  size=<size>            - Virtual disk size
`,
  raw: `Supported raw options:
  preallocation=<str>    - What to set aside: off (the default), falloc or full
  size=<size>            - Virtual disk size
`,
  qcow2: `Supported qcow2 options:
  backing_file=<str>     - File name of a base image
  backing_fmt=<str>      - Image format of the base image
  cluster_size=<size>    - qcow2 cluster size, 512 to 2M (default: 64k)
  compat=<str>           - Compatibility level (v2 [0.10] or v3 [1.1])
  data_file=<str>        - File that keeps the content of the disk; a relative name counts from the image
  data_file_raw=<bool>   - That file always is the disk by itself (default: off)
  encrypt.format=<str>   - Encrypt the content of the disk: luks
  encrypt.key-secret=<str>
                         - ID of the secret that is the passphrase (--object secret,id=ID,file=FILE)
  encrypt.cipher-alg=<str>, encrypt.cipher-mode=<str>, encrypt.ivgen-alg=<str>, encrypt.ivgen-hash-alg=<str>,
  encrypt.hash-alg=<str>, encrypt.iter-time=<num>
                         - How (default: aes-256, xts, plain64, sha256, 2000 ms)
  compression_type=<str> - How compressed clusters are packed, zlib or zstd (default: zlib)
  lazy_refcounts=<bool>  - Let QEMU leave refcounts out of date while it writes (default: off)
  extended_l2=<bool>     - 32 subclusters per cluster, of 16k at least (default: off)
  preallocation=<str>    - What to set aside: off (the default), metadata, falloc or full
  refcount_bits=<num>    - Width of a reference count entry in bits, 1 to 64 (default: 16)
  size=<size>            - Virtual disk size
`,
};

/** The text for `-o help` or `-o ?`, if that is among the options. */
export function createOptionsHelp(format: TargetFormat, lists: readonly string[]): string | undefined {
  return lists.some((list) => /(^|,)(help|\?)(,|$)/.test(list)) ? HELP[format] : undefined;
}

/**
 * Understands what stands behind `-o`.
 *
 * @param lists the values of all `-o`, in order
 * @throws {@link UsageError} for an option that the format does not have, and for a bad value.
 */
export function parseCreateOptions(format: TargetFormat, lists: readonly string[]): CreateOptions {
  return optionsFrom(format, parseKeyValues(lists));
}

/** The same, of options that have been taken apart. */
export function optionsFrom(format: TargetFormat, given: ReadonlyMap<string, string>): CreateOptions {
  const readers = READERS[format];
  let options: CreateOptions = format === "luks" ? { encrypt: { format } } : {};
  for (const [name, value] of given) {
    const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (!read) throw new UsageError(`-o ${name}: ${format} has no such option, or it is not supported (see -o help)`);
    const more = read(value);
    options = { ...options, ...more, ...(more.encrypt && { encrypt: { ...options.encrypt, ...more.encrypt } }) };
  }
  return options;
}
