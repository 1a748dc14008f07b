import type { CheckReport } from "@instar/qcow2";
import { OPEN_OPTIONS } from "../access.js";
import { type Arguments, oneOf } from "../args.js";
import { cacheMode } from "../cache-mode.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { printable, UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { withImage } from "../image.js";
import { openImage, type OpenImageOptions } from "../open-image.js";
import { repairImage } from "../repair.js";
import { fixed } from "../sizes.js";

const OPTIONS = {
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  output: { value: "human|json", help: "how to print (default: human)" },
  quiet: { short: "q", help: "print nothing but errors" },
  "source-cache": { short: "T", value: "MODE", help: "accepted for scripts; reading goes through the system's cache" },
  "force-share": { short: "U", help: "also while another program writes to the image" },
  repair: { short: "r", value: "leaks|all", help: "repair leaked clusters only, or everything that can be" },
  ...OPEN_OPTIONS,
} as const;

const FAILED = 1;
const CORRUPT = 2;
const LEAKS = 3;
const NOT_SUPPORTED = 63;

/** `instar check` */
export const checkCommand: Command = defineCommand(
  {
    name: "check",
    summary: "check that an image is consistent",
    usage: "[-f FMT] [-r leaks|all] [--output=human|json] [-q] [-U] FILE",
    options: OPTIONS,
    notes: [
      "-r repairs and checks again; what is printed and the exit code tell what is left. It may be interrupted at any\n" +
        "time, and repeated.",
      "exit codes: 0 consistent, 1 the check could not be done, 2 corrupt, 3 leaked clusters only (wasted space),\n" +
        "63 the format has no checks",
    ],
    examples: [
      ["check disk.qcow2", "what is wrong with an image"],
      ["check -r all disk.qcow2", "repairs it"],
      ["check --output=json disk.qcow2", "the same for programs"],
    ],
  },
  check,
);

async function check(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const output = oneOf("--output", args.value("output") ?? "human", ["human", "json"]);
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) throw new UsageError("expecting one image file name");
  cacheMode("-T", args.value("source-cache"));
  const repair = args.value("repair");
  const options: OpenImageOptions = {
    format: formatOption(args.value("format")),
    share: args.has("force-share"),
    withoutBacking: true,
    metadataOnly: true,
  };
  const report = await (repair === undefined
    ? checkOnly(context, file, options)
    : repairImage(context, file, oneOf("-r", repair, ["leaks", "all"]), options));
  if (!report) {
    context.warn("check: This image format does not support checks");
    return NOT_SUPPORTED;
  }
  for (const { kind, message } of report.problems) {
    context.host.stderr.write(`${kind === "leak" ? "" : "ERROR "}${printable(message)}\n`);
  }
  const untold = report.corruptions + report.leaks + report.checkErrors - report.problems.length;
  if (untold > 0) context.host.stderr.write(`... and ${untold} more\n`);
  if (output === "json") await context.print(`${JSON.stringify(forPrograms(report, file), null, 4)}\n`);
  else if (!args.has("quiet")) await context.print(forPeople(report));
  return exitCode(report);
}

async function checkOnly(context: Context, file: string, options: OpenImageOptions): Promise<CheckReport | undefined> {
  const image = await openImage(context, file, options);
  return withImage(image, async ({ qcow2 }) => qcow2?.check({ signal: context.signal }));
}

function exitCode({ checkErrors, corruptions, leaks }: CheckReport): number {
  if (checkErrors > 0) return FAILED;
  if (corruptions > 0) return CORRUPT;
  return leaks > 0 ? LEAKS : 0;
}

function forPrograms(report: CheckReport, filename: string): Record<string, number | string> {
  const counts = {
    corruptions: report.corruptions,
    leaks: report.leaks,
    "corruptions-fixed": report.fixed.corruptions,
    "leaks-fixed": report.fixed.leaks,
    "allocated-clusters": report.allocatedClusters,
    "fragmented-clusters": report.fragmentedClusters,
    "compressed-clusters": report.compressedClusters,
  };
  return {
    "image-end-offset": report.imageEndOffset,
    "total-clusters": report.totalClusters,
    "check-errors": report.checkErrors,
    // qemu-img leaves out these where they are 0.
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    filename,
    format: "qcow2",
  };
}

function forPeople(report: CheckReport): string {
  const { corruptions, leaks, checkErrors, allocatedClusters, totalClusters } = report;
  let text = "";
  if (report.fixed.corruptions + report.fixed.leaks > 0) {
    text +=
      "The following inconsistencies were found and repaired:\n\n" +
      `    ${report.fixed.leaks} leaked clusters\n    ${report.fixed.corruptions} corruptions\n\n` +
      "Double checking the fixed image now...\n";
  }
  if (corruptions + leaks + checkErrors === 0) text += "No errors were found on the image.\n";
  if (corruptions > 0) {
    text +=
      `\n${corruptions} errors were found on the image.\n` +
      "Data may be corrupted, or further writes to the image may corrupt it.\n";
  }
  if (leaks > 0) {
    text +=
      `\n${leaks} leaked clusters were found on the image.\n` +
      "This means waste of disk space, but no harm to data.\n";
  }
  if (checkErrors > 0) text += `\n${checkErrors} internal errors have occurred during the check.\n`;
  if (totalClusters > 0 && allocatedClusters > 0) {
    const share = (part: number, of: number): string => fixed((100 * part) / of, 2);
    text +=
      `${allocatedClusters}/${totalClusters} = ${share(allocatedClusters, totalClusters)}% allocated, ` +
      `${share(report.fragmentedClusters, allocatedClusters)}% fragmented, ` +
      `${share(report.compressedClusters, allocatedClusters)}% compressed clusters\n`;
  }
  if (report.imageEndOffset > 0) text += `Image end offset: ${report.imageEndOffset}\n`;
  return text;
}
