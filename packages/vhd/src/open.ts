import type { Backend, CallOptions } from "@instar/backend";
import { openReference } from "@instar/image-format";

import { type DynamicHeader, parentNames, readDynamicHeader } from "./dynamic-header.js";
import { ruleError } from "./rule-error.js";
import { diskSize, type Footer, FOOTER_LENGTH, readFooter, type SizeRule } from "./footer.js";
import type { ParentReference, ReferenceGate } from "./references.js";

/** How to open an image. */
export interface VhdOpenOptions extends CallOptions {
  /**
   * The parent of a differencing image, instead of what the image names: what the guest would see in it. `"ignore"`
   * opens none, and what only the parent has reads as zeroes.
   */
  readonly backing?: Backend | "ignore" | undefined;
  /** Opens what the image names. By default nothing is opened: a differencing image is refused. */
  readonly openReferenced?: ReferenceGate | undefined;
  /** How many images of the chain stand above this one; defaults to 0. Gates pass on what they are told. */
  readonly depth?: number | undefined;
  /** Whose word the size of the disk is taken from. Defaults to `auto`: the program that made the image decides. */
  readonly sizeFrom?: SizeRule | undefined;
  /** Bytes of the tables to keep in memory; defaults to 1 MiB, which serves 512 GiB of disk. */
  readonly cacheBytes?: number | undefined;
}

/** What opening finds. */
export interface OpenedParts {
  readonly footer: Footer;
  /** Guest size in bytes. */
  readonly size: number;
  /** Of a dynamic or differencing image. */
  readonly header: DynamicHeader | undefined;
  readonly parentNames: readonly string[];
}

/** Reads all headers. */
export async function readParts(file: Backend, options: VhdOpenOptions): Promise<OpenedParts> {
  const call = { signal: options.signal };
  const footer = await readFooter(file, call);
  const size = diskSize(file.name, footer, options.sizeFrom ?? "auto");
  if (footer.type === "fixed") {
    const needed = size + FOOTER_LENGTH;
    if (file.size < needed) {
      const rule = `be ${needed} at least: a disk of ${size} bytes and the footer`;
      throw ruleError("ERR_TRUNCATED", file.name, "size of the file", file.size, rule);
    }
    return { footer, size, header: undefined, parentNames: [] };
  }
  const header = await readDynamicHeader(file, footer.headerOffset, size, call);
  const names = footer.type === "differencing" ? await parentNames(file, header, call) : [];
  return { footer, size, header, parentNames: names };
}

/** Opens the parent of a differencing image, unless the caller has it or wants none. */
export async function parentOf(
  file: Backend,
  parts: OpenedParts,
  options: VhdOpenOptions,
): Promise<Backend | undefined> {
  const { footer, header, parentNames: names } = parts;
  if (footer.type !== "differencing" || !header || options.backing === "ignore") return undefined;
  if (options.backing) return options.backing;
  const { depth = 0, openReferenced, signal } = options;
  const [name = ""] = names;
  const uuid = header.parentUuid;
  const reference: ParentReference = {
    kind: "backing",
    name,
    names,
    format: undefined,
    uuid,
    image: file.name,
    depth: depth + 1,
  };
  return openReference("vhd", reference, openReferenced, { signal });
}
