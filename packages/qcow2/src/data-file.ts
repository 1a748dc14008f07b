import { type Backend, BackendError, type CallOptions, zeroRange } from "@instar/backend";
import { openReference } from "@instar/image-format";

import { Qcow2Error, ruleError } from "./errors.js";
import { hasDataFile, isDataFileRaw } from "./features.js";
import { backingFileName, type Qcow2Header } from "./header.js";
import { EXTENSION, findExtension } from "./header-extensions.js";
import type { Qcow2CreateOptions } from "./options.js";
import type { ReferenceGate } from "./references.js";

/** The name of the external data file, if the image tells. */
export function dataFileName(header: Pick<Qcow2Header, "extensions">): string | undefined {
  const data = findExtension(header.extensions, EXTENSION.dataFile);
  return data === undefined ? undefined : new TextDecoder().decode(data);
}

/** How to open an external data file. */
export interface DataFileOptions {
  readonly write: boolean;
  /** The file, handed in. */
  readonly given: Backend | undefined;
  readonly depth: number;
  readonly gate: ReferenceGate | undefined;
}

/**
 * Opens the external data file of an image: what was handed in, or what the header names, through the gate.
 *
 * @returns `undefined` where the image has none
 * @throws {@link Qcow2Error} `ERR_REFERENCE_DENIED` without a gate, or where the image names none; `ERR_INVALID_OPTION`
 *   for one that was handed in for an image that has none; {@link BackendError} `ERR_READ_ONLY`; what the gate throws
 */
export async function openDataFile(
  header: Qcow2Header,
  image: string,
  { write, given, depth, gate }: DataFileOptions,
  call: CallOptions,
): Promise<Backend | undefined> {
  if (!hasDataFile(header)) {
    if (given === undefined) return undefined;
    throw ruleError("ERR_INVALID_OPTION", image, "dataFile", given.name, "absent: the image has its data in itself");
  }
  if (write && isDataFileRaw(header) && backingFileName(header) !== undefined) {
    const rule = "without a raw data file, or without a backing file, to be written to";
    throw ruleError("ERR_INVALID_HEADER", image, "backing file", backingFileName(header) ?? "", rule);
  }
  const file = given ?? (await openNamed(header, image, write, depth, gate, call));
  if (!write || file.capabilities.write) return file;
  if (given === undefined) await file.close();
  throw new BackendError("ERR_READ_ONLY", `${file.name}: the data file of ${image} is read-only`);
}

async function openNamed(
  header: Qcow2Header,
  image: string,
  write: boolean,
  depth: number,
  gate: ReferenceGate | undefined,
  call: CallOptions,
): Promise<Backend> {
  const name = dataFileName(header);
  if (name === undefined) {
    const rule = "have a name in the image, or be handed in as `dataFile`";
    const message = `${image}: its data file is not opened: it must ${rule}`;
    throw new Qcow2Error("ERR_REFERENCE_DENIED", message, { field: "data file", value: "", rule });
  }
  const reference = { kind: "data-file", name, format: "raw", image, depth: depth + 1, write } as const;
  return openReference("qcow2", reference, gate, call);
}

/** Makes a new data file as long as the disk, reading as zeroes. */
export async function emptyDataFile(file: Backend, size: number): Promise<void> {
  if (file.capabilities.truncate) {
    await file.truncate(0);
    await file.truncate(size);
  } else {
    await zeroRange(file, 0, size);
  }
  await file.sync();
}

/** Refuses to make an image whose data file cannot be what it is to be. */
export function requireDataFile(
  image: Backend,
  { dataFile, size }: Pick<Qcow2CreateOptions, "dataFile" | "size">,
): void {
  if (!dataFile) return;
  const { backend: file } = dataFile;
  if (!file.capabilities.write)
    throw new BackendError("ERR_READ_ONLY", `${file.name}: the data file of ${image.name} is read-only`);
  if (file.capabilities.truncate || file.size >= size) return;
  throw ruleError(
    "ERR_INVALID_OPTION",
    image.name,
    "size of the data file",
    file.size,
    `at least ${size}, since it cannot grow`,
  );
}
