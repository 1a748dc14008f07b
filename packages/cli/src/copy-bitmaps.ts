import type { Qcow2Image } from "@instar/qcow2";
import type { Context } from "./command.js";
import { CliError, Interrupted, oneLine } from "./errors.js";
import type { Image } from "./image.js";

/**
 * Copies the dirty bitmaps of an image into another one of the same size.
 *
 * @param skipBroken whether those that were not stored are left out, with a warning
 * @throws {@link CliError} for one that cannot be copied, and where either image can have none
 */
export async function copyBitmaps(
  { qcow2: source, format }: Image,
  target: Qcow2Image | undefined,
  skipBroken: boolean,
  context: Context,
): Promise<void> {
  if (source?.info().version !== 3) throw new CliError(`Source lacks bitmap support (format ${format})`);
  if (target?.info().version !== 3) throw new CliError("the format of the target does not support bitmaps");
  for (const { name, granularity, enabled, inconsistent } of await source.bitmaps.list()) {
    if (inconsistent && skipBroken) {
      context.warn(`warning: Skipping inconsistent bitmap '${name}'`);
      continue;
    }
    if (inconsistent) {
      throw new CliError(
        `Cannot copy inconsistent bitmap '${name}': --skip-broken-bitmaps leaves it out, bitmap --remove removes it`,
      );
    }
    try {
      await target.bitmaps.add({ name, granularity, disabled: true });
      await target.bitmaps.merge({ image: source, name }, name);
      if (enabled) await target.bitmaps.enable(name);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      throw new CliError(`Failed to create bitmap ${name}: ${oneLine(error)}`, { cause: error });
    }
  }
}
