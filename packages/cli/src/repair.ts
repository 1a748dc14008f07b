import type { Backend } from "@instar/backend";
import type { CheckReport, RepairWhat } from "@instar/qcow2";
import type { Context } from "./command.js";
import { CliError } from "./errors.js";
import { probeFormat } from "./formats/probe.js";
import { couldNot, type OpenImageOptions, specOf } from "./open-image.js";
import { openSpec } from "./open-spec.js";

/**
 * Repairs a qcow2 image in its file: it may be one that nobody can open for writing.
 *
 * @returns `undefined` for an image of another format
 */
export async function repairImage(
  context: Context,
  name: string,
  what: RepairWhat,
  options: OpenImageOptions,
): Promise<CheckReport | undefined> {
  const { file, format } = await open(context, name, options);
  try {
    if (format !== "qcow2") return undefined;
    const { repairQcow2 } = await import("@instar/qcow2");
    return await repairQcow2(file, what, { signal: context.signal });
  } catch (error) {
    throw couldNot("repair", name, error);
  } finally {
    await file.close();
  }
}

async function open(
  context: Context,
  name: string,
  options: OpenImageOptions,
): Promise<{ readonly file: Backend; readonly format: string }> {
  try {
    const spec = await specOf(context, name, options);
    if (spec.readOnly) throw new CliError("read-only=on: it is to be repaired");
    const share = options.share === true || spec.share === true;
    const file = await openSpec(spec.storage, { write: true, share, sparse: false }, context);
    return { file, format: spec.format ?? (await probeFormat(file, { signal: context.signal })) };
  } catch (error) {
    throw couldNot("open", name, error);
  }
}
