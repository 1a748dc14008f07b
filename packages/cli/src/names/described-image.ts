import { parseKeyValues } from "../args.js";
import { UsageError } from "../errors.js";
import { type Format, formatNamed } from "../format-names.js";
import { hasProtocol } from "../protocols/protocols.js";
import type { ImageSpec, StorageSpec } from "./image-spec.js";
import { NodeOptions } from "./node-options.js";
import { storageNamed } from "./plain-name.js";

/** Options that every node has in QEMU, and that make no difference here. */
const EVERYWHERE: readonly string[] = [
  "auto-read-only",
  "cache.direct",
  "cache.no-flush",
  "cache.writeback",
  "detect-zeroes",
  "discard",
  "node-name",
];
/** Options of qcow2 in QEMU that tune what is done otherwise here. */
const TUNING: readonly string[] = [
  "cache-clean-interval",
  "discard-no-unref",
  "l2-cache-entry-size",
  "overlap-check",
  "pass-discard-other",
  "pass-discard-request",
  "pass-discard-snapshot",
];
const FILE_TUNING: readonly string[] = ["aio", "aio-max-batch", "drop-cache", "x-check-cache-dropped"];
const FILES: readonly string[] = ["file", "host_device"];
/** Nodes below each other in one description. */
const DEEPEST = 200;

/** What a `json:` name describes, without `json:`. @throws {@link UsageError} */
export function imageFromJson(text: string): ImageSpec {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`json: is not well-formed: ${error instanceof Error ? error.message : ""}`);
  }
  const flat = new Map<string, string | null>();
  flatten(value, "", flat, 0);
  return imageFrom(new NodeOptions(flat));
}

/** What `driver=qcow2,file.filename=disk.qcow2` describes. @throws {@link UsageError} */
export function imageFromOptions(text: string, option = "--image-opts"): ImageSpec {
  return imageFrom(new NodeOptions(parseKeyValues([text], option)));
}

function flatten(value: unknown, key: string, into: Map<string, string | null>, depth: number): void {
  if (depth > DEEPEST) throw new UsageError(`json: has more than ${DEEPEST} nodes below each other`);
  if (typeof value === "boolean") into.set(key, value ? "on" : "off");
  else if (typeof value === "string" || typeof value === "number") into.set(key, String(value));
  else if (value === null && key !== "") into.set(key, null);
  else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [name, item] of Object.entries(value))
      flatten(item, key === "" ? name : `${key}.${name}`, into, depth + 1);
  } else
    throw new UsageError(
      `json: ${key === "" ? "it" : `'${key}'`} must be ${key === "" ? "an object" : "a value or an object"}`,
    );
}

/** An image, or a protocol, which is taken for raw then. */
function imageFrom(node: NodeOptions): ImageSpec {
  const driver = node.take("driver");
  const common = { readOnly: node.takeSwitch("read-only"), share: node.takeSwitch("force-share") };
  node.ignore(EVERYWHERE);
  if (driver !== undefined && isProtocol(driver)) {
    return { storage: protocolFrom(driver, node), format: "raw", ...common };
  }
  const format = driver === undefined ? undefined : formatNamed(driver);
  const below = node.below("file");
  if (!below) throw new UsageError("file.filename is missing: it names the file");
  const storage = partOf(storageFrom(below), node, format);
  const spec: ImageSpec = { storage, format, ...common, ...imageOptions(node, format) };
  node.finish(format ?? "an image whose driver is not named");
  return spec;
}

function imageOptions(node: NodeOptions, format: Format | undefined): Partial<ImageSpec> {
  if (format === "luks") return { keySecret: node.take("key-secret") };
  if (format !== undefined && format !== "qcow2" && format !== "vmdk") return {};
  const below = node.takeNull("backing") ? null : node.below("backing");
  const backing = below && imageFrom(below);
  if (format !== "qcow2") return { backing };
  node.ignore(TUNING);
  node.takeSwitch("lazy-refcounts");
  const encrypt = node.below("encrypt");
  const keySecret = encrypt?.take("key-secret");
  encrypt?.take("format");
  encrypt?.finish("encrypt");
  const data = node.below("data-file");
  const l2Bytes = node.takeSize("l2-cache-size") ?? node.takeSize("cache-size");
  const refcountBytes = node.takeSize("refcount-cache-size");
  const caches = {
    ...(l2Bytes !== undefined && { l2Bytes }),
    ...(refcountBytes !== undefined && { refcountBytes }),
  };
  return { backing, keySecret, dataFile: data && storageFrom(data), caches };
}

/** The file of an image: a protocol, or a raw node, which may be a part of what is below it. */
function storageFrom(node: NodeOptions): StorageSpec {
  const driver = node.take("driver");
  node.ignore([...EVERYWHERE, "read-only", "force-share"]);
  if (driver === undefined) {
    const named = storageNamed(node.require("filename"));
    node.ignore(FILE_TUNING);
    if (named.kind === "url") return { ...named, options: node.takeRest() };
    node.take("locking");
    node.finish("file");
    return named;
  }
  if (isProtocol(driver)) return protocolFrom(driver, node);
  if (driver !== "raw") throw new UsageError(`driver '${driver}' cannot be the file of an image here`);
  const below = node.below("file");
  if (!below) throw new UsageError("file.file.filename is missing: it names the file");
  const storage = partOf(storageFrom(below), node, "raw");
  node.finish("raw");
  return storage;
}

function partOf(whole: StorageSpec, node: NodeOptions, format: Format | undefined): StorageSpec {
  if (format !== "raw") return whole;
  const offset = node.takeSize("offset");
  const size = node.takeSize("size");
  if (offset === undefined && size === undefined) return whole;
  return { kind: "part", whole, offset: offset ?? 0, size };
}

function isProtocol(driver: string): boolean {
  return FILES.includes(driver) || hasProtocol(driver);
}

function protocolFrom(driver: string, node: NodeOptions): StorageSpec {
  if (FILES.includes(driver)) {
    const path = node.require("filename");
    node.ignore(FILE_TUNING);
    node.take("locking");
    node.finish(driver);
    return { kind: "file", path };
  }
  const url = node.take("url") ?? node.require("filename");
  if (!url.toLowerCase().startsWith(`${driver}:`)) throw new UsageError(`driver ${driver} needs a ${driver}: URL`);
  return { kind: "url", url, options: node.takeRest() };
}
