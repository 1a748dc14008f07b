import { type Backend, BackendError } from "@instar/backend";

import { readHeader } from "../header.js";
import { HostFile } from "../host-file.js";
import { LiveHeader } from "../live-header.js";
import type { CheckOptions } from "./check-image.js";
import { repairImage, type RepairWhat } from "./repair-image.js";
import type { CheckReport } from "./report.js";

/**
 * Repairs the image in a file that is not open as an image, and checks it again: also one that is marked as corrupt,
 * which cannot be opened for writing, or that has lost its refcount table. Backing files are not needed.
 *
 * @returns what the second check finds, and how much has been put right
 * @throws {@link Qcow2Error} for an image that cannot be opened; {@link BackendError} `ERR_READ_ONLY`; what reading and
 *   writing the file throw
 */
export async function repairQcow2(file: Backend, what: RepairWhat, options: CheckOptions = {}): Promise<CheckReport> {
  if (!file.capabilities.write) {
    throw new BackendError("ERR_READ_ONLY", `${file.name}: the file is read-only, so the image cannot be repaired`);
  }
  const header = await readHeader(file, { signal: options.signal, repair: true });
  const hostFile = new HostFile(file);
  return repairImage(hostFile, new LiveHeader(hostFile, header), what, options);
}
