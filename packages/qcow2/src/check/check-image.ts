import type { Backend, CallOptions } from "@instar/backend";

import type { Qcow2Header } from "../header.js";
import { judgeRefcounts } from "./check-refcounts.js";
import type { CheckReport, FixedProblems } from "./report.js";
import { type SurveyOptions, surveyImage } from "./survey.js";

/** Options of a check. */
export interface CheckOptions extends CallOptions {
  /** How many problems to describe; all are counted. Defaults to 100. */
  readonly problems?: number | undefined;
  /**
   * Most bytes of memory for counting references: about one per host cluster in use. Defaults to 256 MiB, enough for
   * 16 TiB in clusters of 64 KiB.
   */
  readonly memoryLimit?: number | undefined;
}

/**
 * Checks the metadata of an image: whether each refcount is the number of references, whether every table lies where it
 * may, whether every flag is as it must be. Counts as `qemu-img check` does. Changes nothing.
 *
 * @param file what holds the image, with everything written out
 * @param header its header, checked
 * @param fixed what a repair before has put right
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` when `memoryLimit` does not suffice
 */
export async function checkImage(
  file: Backend,
  header: Qcow2Header,
  options: CheckOptions = {},
  fixed: FixedProblems = { corruptions: 0, leaks: 0 },
): Promise<CheckReport> {
  const survey = await surveyImage(file, header, withDefaults(options));
  await judgeRefcounts(survey);
  const { clusterSize } = survey.geometry;
  return survey.report.finish(clusterSize, Math.ceil(header.size / clusterSize), fixed);
}

/** The options with what holds where nothing is said. */
export function withDefaults({ problems, memoryLimit, signal }: CheckOptions): SurveyOptions {
  return { problems: problems ?? 100, memoryLimit: memoryLimit ?? 256 * 1024 * 1024, signal };
}
