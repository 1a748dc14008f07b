import { isQcow2Error } from "@instar/qcow2";
import { CliError } from "./errors.js";

/** The names that the options have on the command line. */
const OPTION_NAMES: ReadonlyMap<string, string> = new Map([
  ["version", "compat"],
  ["clusterSize", "cluster_size"],
  ["refcountBits", "refcount_bits"],
  ["compressionType", "compression_type"],
  ["extendedL2", "extended_l2"],
  ["lazyRefcounts", "lazy_refcounts"],
  ["backing.name", "backing_file"],
  ["dataFile", "data_file"],
  ["dataFile.name", "data_file"],
  ["dataFile.raw", "data_file_raw"],
  ["dataFileRaw", "data_file_raw"],
  ["slot", "encrypt.keyslot"],
  ["backing.format", "backing_fmt"],
]);

/** What a qcow2 image says of an option that breaks its rule, with the name that the option has on the command line. */
export function inOurWords(name: string, error: unknown): unknown {
  if (!isQcow2Error(error, "ERR_INVALID_OPTION")) return error;
  const option = OPTION_NAMES.get(error.field ?? "") ?? error.field;
  const message = option === undefined ? error.message : `${option} is ${String(error.value)}, must be ${error.rule}`;
  return new CliError(`${name}: ${message}`, { cause: error });
}
