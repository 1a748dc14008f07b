import { allocateZeroes, type Backend } from "@instar/backend";
import type { Preallocation } from "@instar/qcow2";
import { oneOf } from "./args.js";
import { CliError } from "./errors.js";
import type { Image } from "./image.js";
import { cut, type Run } from "./runs.js";

const CHUNK = 1_048_576;

/** What may be set aside when an image is made, or grows. */
export const PREALLOCATIONS: readonly Preallocation[] = ["off", "metadata", "falloc", "full"];

/**
 * Understands the value of an option that asks for space to be set aside when an image becomes `size` bytes long.
 *
 * @throws {@link CliError} where the image does not grow, or cannot do so
 */
export function preallocationOf(option: string, value = "off", { disk, qcow2 }: Image, size: number): Preallocation {
  const mode = oneOf(option, value, PREALLOCATIONS);
  if (mode === "off") return mode;
  if (!qcow2) refuseMetadata(mode);
  if (size < disk.size) throw new CliError("Preallocation can only be used for growing images");
  return mode;
}

/** Sets the size of an image. Where what it gains cannot be set aside, it is as long as before. */
export async function truncateTo(
  { disk, qcow2 }: Image,
  size: number,
  mode: Preallocation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const before = disk.size;
  await disk.truncate(size, { signal });
  if (mode === "off" || size <= before) return;
  try {
    await (qcow2
      ? qcow2.preallocate(before, size - before, { mode, signal })
      : setAside(disk, { offset: before, length: size - before }, mode, signal));
  } catch (error) {
    // The first failure is the one to tell of.
    await disk.truncate(before).catch(() => {});
    throw error;
  }
}

/** Sets space aside for a range of a raw file that reads as zeroes: `falloc` as the file can, `full` by writing them. */
export async function setAside(
  file: Backend,
  { offset, length }: Run,
  mode: Preallocation,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (mode === "falloc") return allocateZeroes(file, offset, length, { signal });
  const zeroes = Buffer.alloc(Math.min(CHUNK, length));
  for (const part of cut({ offset, length }, CHUNK)) {
    await file.write(zeroes.subarray(0, part.length), part.offset, { signal });
  }
}

/** Throws for the mode that a raw image cannot have: it has no tables. */
export function refuseMetadata(mode: Preallocation): void {
  if (mode === "metadata") throw new CliError("Unsupported preallocation mode: metadata");
}
