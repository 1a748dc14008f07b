import type { Mapping } from "@instar/image-format";
import type { Image } from "./image.js";

/** Where the bytes of a range of an image come from. The range must lie within the size. */
export async function* mappingsOf(
  image: Image,
  offset: number,
  length: number,
  signal: AbortSignal,
): AsyncGenerator<Mapping> {
  // Opening an image has loaded the package, unless it is raw; imported at the top, it would be loaded before the file is
  // opened.
  const { mapOf } = await import("@instar/image-format");
  yield* mapOf(image.disk, offset, length, { signal });
}
