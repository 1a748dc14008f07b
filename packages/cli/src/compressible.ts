import type { Qcow2Image } from "@instar/qcow2";
import type { CreateOptions } from "./create-options.js";
import { CliError } from "./errors.js";
import type { TargetFormat } from "./format-names.js";

/**
 * Refuses to write compressed clusters into an image that is to be made where it could not take them.
 *
 * @throws {@link CliError}
 */
export function requireCompressibleOptions(format: TargetFormat, options: CreateOptions): void {
  requireCompressible(format === "qcow2", options.encrypt !== undefined, options.dataFile !== undefined);
  if ((options.preallocation ?? "off") === "off") return;
  throw new CliError("Compression and preallocation not supported at the same time");
}

/**
 * Refuses to write compressed clusters into an image that is there and cannot take them.
 *
 * @param image absent where it is of another format
 * @throws {@link CliError}
 */
export function requireCompressibleImage(image: Qcow2Image | undefined): asserts image is Qcow2Image {
  const info = image?.info();
  requireCompressible(info !== undefined, info?.encryption !== undefined, info?.dataFileRaw !== undefined);
}

function requireCompressible(isQcow2: boolean, isEncrypted: boolean, hasDataFile: boolean): void {
  if (!isQcow2) throw new CliError("Compression not supported for this file format");
  if (isEncrypted) throw new CliError("Compression and encryption not supported at the same time");
  if (hasDataFile) throw new CliError("Compression and external data files not supported at the same time");
}
