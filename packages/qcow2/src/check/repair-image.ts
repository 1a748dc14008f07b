import { AUTOCLEAR, INCOMPATIBLE } from "../features.js";
import type { HostFile } from "../host-file.js";
import type { LiveHeader } from "../live-header.js";
import { checkImage, type CheckOptions, withDefaults } from "./check-image.js";
import { checkMapping } from "./check-mapping.js";
import { judgeRefcounts, type RefcountVerdict } from "./check-refcounts.js";
import { FreePlaces } from "./free-places.js";
import { mendRefcounts } from "./mend-refcounts.js";
import { rebuildRefcounts } from "./rebuild-refcounts.js";
import { type CheckReport, ReportBuilder } from "./report.js";
import { mendedSnapshotTable } from "./snapshot-faults.js";
import { type Survey, type SurveyOptions, surveyImage } from "./survey.js";
import { type MendedPart, TableMender } from "./table-mender.js";

/**
 * What a repair puts right:
 *
 * - `leaks`: refcounts that are too high, so that space is lost, and where nothing else is wrong, flags that rely on
 *   them; nothing where the refcount table is broken;
 * - `all`: refcounts and the tables that hold them, flags, and zero clusters whose host cluster lies where none can.
 *
 * Where a table points to what it cannot mean, nobody knows what the guest's data was: that stays for the guest to find.
 * Where a table cannot be read, nothing is put right.
 */
export type RepairWhat = "leaks" | "all";

/**
 * Repairs an image and checks it again. Stopped at any moment, it leaves an image that the next repair completes: a
 * refcount comes before the flag that relies on it, and refcounts that are built anew are shown by one write of the
 * header. Where nothing is left that is wrong, the image is marked neither dirty nor corrupt afterwards.
 *
 * @returns what the second check finds, and how much has been put right
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` when `memoryLimit` does not suffice; what the file throws
 */
export async function repairImage(
  file: HostFile,
  header: LiveHeader,
  what: RepairWhat,
  options: CheckOptions = {},
): Promise<CheckReport> {
  await clearUnknownAutoclear(header);
  const repair = new Repair(file, header, withDefaults(options));
  await repair.run(what);
  const report = await checkImage(file.backend, header.current, options, repair.fixed);
  if (report.corruptions > 0 || report.checkErrors > 0) return report;
  const { features } = header.current;
  const incompatible = features.incompatible & ~(INCOMPATIBLE.dirty | INCOMPATIBLE.corrupt);
  if (incompatible !== features.incompatible) await header.update({ features: { ...features, incompatible } });
  return report;
}

/** What unknown features promise is not kept. Bitmaps stay as they are: what the guest sees does not change. */
async function clearUnknownAutoclear(header: LiveHeader): Promise<void> {
  const { features } = header.current;
  const autoclear = features.autoclear & (AUTOCLEAR.bitmaps | AUTOCLEAR.rawExternalData);
  if (autoclear !== features.autoclear) await header.update({ features: { ...features, autoclear } });
}

/** One repair. */
class Repair {
  readonly #file: HostFile;
  readonly #header: LiveHeader;
  readonly #options: SurveyOptions;
  readonly fixed: { corruptions: number; leaks: number } = { corruptions: 0, leaks: 0 };

  constructor(file: HostFile, header: LiveHeader, options: SurveyOptions) {
    this.#file = file;
    this.#header = header;
    this.#options = options;
  }

  async run(what: RepairWhat): Promise<void> {
    if (what === "all") await this.#repairSnapshotTable();
    let survey = await this.#survey();
    // What could not be read may refer to any cluster, so that nobody knows which refcounts are wrong.
    if (survey.report.checkErrors > 0) return;
    let verdict = await judgeRefcounts(survey);
    if (what === "leaks") return this.#repairLeaks(survey, verdict);
    if (survey.report.misplacedZeroes > 0) {
      await this.#mend(survey, "zeroes");
      survey = await this.#survey();
      if (survey.report.checkErrors > 0) return;
      verdict = await judgeRefcounts(survey);
    }
    await this.#mend(await this.#repairRefcounts(survey, verdict), "flags");
  }

  #survey(snapshotTable?: Uint8Array): Promise<Survey> {
    return surveyImage(this.#file.backend, this.#header.current, { ...this.#options, snapshotTable });
  }

  /** Writes a snapshot table with faults anew, with new refcounts that count it; the header shows both at once. */
  async #repairSnapshotTable(): Promise<void> {
    const mended = await mendedSnapshotTable(this.#file.backend, this.#header.current);
    if (!mended) return;
    const survey = await this.#survey(mended.table);
    if (survey.report.checkErrors > 0) return;
    const { clusterSize } = survey.geometry;
    const clusters = Math.ceil(mended.table.byteLength / clusterSize);
    const first = await new FreePlaces(survey).take(clusters);
    for (let cluster = first; cluster < first + clusters; cluster++) survey.counts.add(cluster);
    await this.#file.writeData(mended.table, first * clusterSize);
    const refcounts = await rebuildRefcounts(this.#file, survey);
    await this.#header.update({ ...refcounts, snapshotsOffset: first * clusterSize });
    this.fixed.corruptions += mended.faults;
  }

  async #repairLeaks(survey: Survey, { brokenBlocks, missing, tooHigh }: RefcountVerdict): Promise<void> {
    if (brokenBlocks > 0 || missing) return;
    if (tooHigh > 0) {
      await mendRefcounts(this.#file, survey, "leaks");
      this.fixed.leaks += tooHigh;
    }
    // Flags rely on refcounts, which are all right now; and where nothing else is wrong, so are the tables.
    const { corruptions, wrongFlags, checkErrors } = survey.report;
    if (corruptions === wrongFlags && checkErrors === 0) await this.#mend(survey, "flags");
  }

  /** @returns the survey by whose references flags are to be judged */
  async #repairRefcounts(survey: Survey, verdict: RefcountVerdict): Promise<Survey> {
    const { outside, brokenBlocks, missing, tooLow, tooHigh } = verdict;
    this.fixed.corruptions += outside + brokenBlocks + tooLow;
    this.fixed.leaks += tooHigh;
    if (outside + brokenBlocks === 0 && !missing) {
      if (tooLow + tooHigh > 0) await mendRefcounts(this.#file, survey, "all");
      return survey;
    }
    // Counted anew without the refcount table and blocks of which nobody knows what they are.
    const others = await this.#survey();
    if (others.report.checkErrors > 0) return others;
    await this.#header.update(await rebuildRefcounts(this.#file, others));
    return others;
  }

  /** Goes through all tables and puts that part of them right. */
  async #mend(survey: Survey, what: MendedPart): Promise<void> {
    const { geometry, counts, references, l1Tables, mapping } = survey;
    const mender = new TableMender(this.#file, what, geometry.clusterSize, references.metadata);
    const nothing = { add: () => true, addMetadata: () => true };
    const refcount = (cluster: number): number => counts.get(cluster);
    const context = { ...mapping, report: new ReportBuilder(0), references: nothing, refcount, mender };
    for (const l1 of l1Tables) if (l1.active || what === "zeroes") await checkMapping(context, l1);
    if (mender.fixed === 0) return;
    this.fixed.corruptions += mender.fixed;
    await this.#file.sync();
  }
}
