import type { Arguments } from "../args.js";
import { requireCompressibleOptions } from "../compressible.js";
import type { CreateOptions } from "../create-options.js";
import { UsageError } from "../errors.js";
import type { TargetFormat } from "../format-names.js";

/** What is to be made, as far as options tell. */
export interface WantedTarget {
  readonly format: TargetFormat;
  readonly options: CreateOptions;
}

/** The options of `convert` that can contradict each other. */
type Contradictory =
  | "bitmaps"
  | "backing-file"
  | "compress"
  | "copy-range"
  | "no-create"
  | "options"
  | "output-format"
  | "salvage"
  | "skip-broken-bitmaps"
  | "snapshot"
  | "sparse"
  | "target-image-opts"
  | "target-is-zero";

/**
 * Refuses what cannot be meant together, before anything is opened.
 *
 * @param sources how many
 * @throws {@link UsageError} for options that exclude each other; {@link CliError} where the target cannot be that
 */
export function refuseContradictions(
  args: Pick<Arguments<Contradictory>, "has">,
  sources: number,
  { format, options }: WantedTarget,
): void {
  const noCreate = args.has("no-create");
  if (noCreate && args.has("options")) throw new UsageError("-o has no effect when skipping image creation");
  if (args.has("target-image-opts") && !noCreate) {
    throw new UsageError("--target-image-opts requires use of -n flag");
  }
  if (args.has("target-image-opts") && args.has("output-format")) {
    throw new UsageError("--target-image-opts names the format itself, by driver=");
  }
  if (args.has("target-is-zero") && !noCreate) throw new UsageError("--target-is-zero requires use of -n flag");
  if (sources > 1 && (options.backingFile !== undefined || args.has("backing-file"))) {
    const what = "Having a backing file for the target makes no sense when concatenating multiple input images";
    throw new UsageError(what);
  }
  if (args.has("skip-broken-bitmaps") && !args.has("bitmaps")) {
    throw new UsageError("Use of --skip-broken-bitmaps requires --bitmaps");
  }
  if (sources > 1 && args.has("bitmaps")) throw new UsageError("Copying bitmaps only possible with single source");
  if (sources > 1 && args.has("snapshot")) throw new UsageError("No support for concatenating multiple snapshot");
  if (args.has("copy-range") && args.has("sparse")) {
    throw new UsageError("Cannot enable copy offloading when -S is used");
  }
  if (args.has("copy-range") && args.has("compress")) {
    throw new UsageError("Cannot enable copy offloading when -c is used");
  }
  if (args.has("copy-range") && args.has("salvage")) {
    throw new UsageError("Cannot use copy offloading in salvaging mode");
  }
  // What a description names is known when it is open.
  if (args.has("compress") && !args.has("target-image-opts")) requireCompressibleOptions(format, options);
}
