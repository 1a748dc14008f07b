import { type Backend, BackendError, type CallOptions } from "@instar/backend";

import { openDataFile } from "./data-file.js";
import { repairImage } from "./check/repair-image.js";
import { Qcow2Error, ruleError } from "./errors.js";
import { type GuestCipher, openCipher } from "./guest-cipher.js";
import { INCOMPATIBLE } from "./features.js";
import { backingFileName, type Qcow2Header, readHeader } from "./header.js";
import { HostFile } from "./host-file.js";
import { LiveHeader } from "./live-header.js";
import type { Qcow2CreateOptions, Qcow2OpenOptions } from "./options.js";
import { openBacking } from "./references.js";
import { requireLimits } from "./tables.js";

/** What opening finds. */
export interface OpenedParts {
  readonly header: Qcow2Header;
  readonly backing: Backend | undefined;
  /** The file that holds the guest data, where it is not the image itself and is needed. */
  readonly dataFile: Backend | undefined;
  /** How guest data is encrypted, where it is and is needed. */
  readonly cipher: GuestCipher | undefined;
}

/**
 * Reads the header, decides whether the image may be opened in this way, and opens what it needs.
 *
 * @param knownCipher its encryption, where that is open already
 */
export async function openParts(
  file: Backend,
  options: Qcow2OpenOptions,
  knownCipher?: GuestCipher,
): Promise<OpenedParts> {
  const call = { signal: options.signal };
  if (options.copyOnRead && !options.write) {
    throw ruleError("ERR_INVALID_OPTION", file.name, "copyOnRead", "true", "false without write");
  }
  requireLimits(file.name, options.caches);
  const header = await readHeader(file, call);
  if (options.write) refuseWriting(file, header, options);
  const { write = false, depth = 0, openReferenced: gate, metadataOnly = false } = options;
  const given = options.dataFile;
  const cipher =
    knownCipher ?? (metadataOnly ? undefined : await openCipher(header, file, options.encryption, write, call));
  const dataFile = metadataOnly
    ? undefined
    : await openDataFile(header, file.name, { write, given, depth, gate }, call);
  let opened: Backend | undefined;
  try {
    if (options.backing === undefined) opened = await openBacking(header, file.name, depth, gate, call);
    const backing = options.backing === "ignore" ? undefined : (options.backing ?? opened);
    // Last of all: an image that is refused stays as it is.
    return { header: write ? await repairDirty(file, header, call) : header, cipher, dataFile, backing };
  } catch (error) {
    await opened?.close();
    if (!given) await dataFile?.close();
    throw error;
  }
}

function refuseWriting(file: Backend, header: Qcow2Header, options: Qcow2OpenOptions): void {
  if (!file.capabilities.write) {
    throw new BackendError("ERR_READ_ONLY", `${file.name}: the file is read-only, so the image cannot be written to`);
  }
  const { incompatible } = header.features;
  if ((incompatible & INCOMPATIBLE.corrupt) !== 0n) {
    const message = `${file.name}: marked as corrupt, so it can be opened for reading only until it is repaired`;
    const rule = "not have the corrupt bit to be written to";
    throw new Qcow2Error("ERR_CORRUPT", message, { field: "incompatible_features", value: incompatible, rule });
  }
  if (options.backing === "ignore" && backingFileName(header) !== undefined) {
    const rule = "opened to write to the image: what is written beside its data would hide it";
    throw ruleError("ERR_INVALID_OPTION", file.name, "backing", "ignore", rule);
  }
}

/**
 * Repairs an image that is dirty. Whoever wrote last to it did not close it and had not written out its refcounts:
 * nothing may be allocated by them before they are right.
 */
async function repairDirty(file: Backend, header: Qcow2Header, call: CallOptions): Promise<Qcow2Header> {
  if ((header.features.incompatible & INCOMPATIBLE.dirty) === 0n) return header;
  const hostFile = new HostFile(file);
  const live = new LiveHeader(hostFile, header);
  const { corruptions, checkErrors, problems } = await repairImage(hostFile, live, "all", { ...call, problems: 1 });
  if (corruptions + checkErrors === 0) return live.current;
  const message = `${file.name}: was not closed by who wrote to it, and cannot be repaired: ${problems[0]?.message}`;
  throw new Qcow2Error("ERR_CORRUPT", message, { field: "incompatible_features", rule: "not have the dirty bit" });
}

/** Refuses to make an image that names a backing file without having it, or has one without naming it. */
export function requireBacking(file: Backend, { backing, backingBackend }: Qcow2CreateOptions): void {
  if ((backing === undefined) === (backingBackend === undefined)) return;
  const rule = "given together with backing";
  const value = backingBackend === undefined ? "absent" : backingBackend.name;
  throw ruleError("ERR_INVALID_OPTION", file.name, "backingBackend", value, rule);
}
