import type { Mapping } from "@instar/qcow2";
import { type Image } from "./open-image.js";

/** Where the bytes of a range of an image come from. The range must lie within the size. */
export async function* mappingsOf(
  image: Image,
  offset: number,
  length: number,
  signal: AbortSignal,
): AsyncGenerator<Mapping> {
  // Opening an image has loaded the package; imported at the top, it would be loaded before the file is opened.
  const { mapOf } = await import("@instar/qcow2");
  yield* mapOf(image.disk, offset, length, { signal });
}
