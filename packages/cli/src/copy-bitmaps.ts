import type { BitmapInfo, Qcow2Image } from "@instar/qcow2";
import type { Context } from "./command.js";
import { CliError, Interrupted, oneLine } from "./errors.js";
import type { Image } from "./image.js";

/**
 * The dirty bitmaps of an image, if all of them can be copied.
 *
 * @param skipBroken whether those that were not stored may be left out
 * @throws {@link CliError} for one that cannot be copied, and where the image can have none
 */
export async function bitmapsToCopy(
  { qcow2: source, format }: Image,
  skipBroken: boolean,
): Promise<readonly BitmapInfo[]> {
  if (source?.info().version !== 3) throw new CliError(`Source lacks bitmap support (format ${format})`);
  const bitmaps = await source.bitmaps.list();
  const broken = skipBroken ? undefined : bitmaps.find(({ inconsistent }) => inconsistent);
  if (!broken) return bitmaps;
  const advice = "--skip-broken-bitmaps leaves it out, bitmap --remove removes it";
  throw new CliError(`Cannot copy inconsistent bitmap '${broken.name}': ${advice}`);
}

/** @throws {@link CliError} where an image to copy bitmaps to is not one of qcow2, version 3 */
export function requireBitmaps(isSupported: boolean): void {
  if (!isSupported) throw new CliError("the format of the target does not support bitmaps");
}

/**
 * Copies the dirty bitmaps of an image into another one of the same size.
 *
 * @param skipBroken whether those that were not stored are left out, with a warning
 * @throws {@link CliError} for one that cannot be copied, and where the source can have none
 */
export async function copyBitmaps(
  image: Image,
  target: Qcow2Image,
  skipBroken: boolean,
  context: Context,
): Promise<void> {
  const { qcow2: source } = image;
  for (const { name, granularity, enabled, inconsistent } of await bitmapsToCopy(image, skipBroken)) {
    if (inconsistent) {
      context.warn(`warning: Skipping inconsistent bitmap '${name}'`);
      continue;
    }
    try {
      await target.bitmaps.add({ name, granularity, disabled: true });
      if (source) await target.bitmaps.merge({ image: source, name }, name);
      if (enabled) await target.bitmaps.enable(name);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      throw new CliError(`Failed to create bitmap ${name}: ${oneLine(error)}`, { cause: error });
    }
  }
}
