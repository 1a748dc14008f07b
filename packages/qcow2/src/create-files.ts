import type { Backend } from "@instar/backend";

import { createImageFile, planImage } from "./create-layout.js";
import { emptyDataFile, requireDataFile } from "./data-file.js";
import { requireBacking } from "./open.js";
import type { Qcow2CreateOptions } from "./options.js";

/**
 * Makes the files of a new image. The data file comes first: an image never shows what it held before.
 *
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` before anything is changed
 */
export async function createFiles(file: Backend, options: Qcow2CreateOptions): Promise<void> {
  requireBacking(file, options);
  requireDataFile(file, options);
  planImage(options, file.name);
  if (options.dataFile) await emptyDataFile(options.dataFile.backend, options.size);
  await createImageFile(file, options, { signal: options.signal });
}
