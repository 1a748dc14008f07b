import { extentsOf } from "@instar/backend";
import type { Mapping } from "@instar/qcow2";
import type { Image } from "./open-image.js";

/** Where the bytes of a range of an image come from. The range must lie within the size. */
export async function* mappingsOf(
  image: Image,
  offset: number,
  length: number,
  signal: AbortSignal,
): AsyncGenerator<Mapping> {
  if (image.qcow2) {
    yield* image.qcow2.map(offset, length, { signal });
    return;
  }
  for await (const extent of extentsOf(image.disk, offset, length, { signal })) {
    const data = extent.kind === "data";
    yield {
      offset: extent.offset,
      length: extent.length,
      depth: 0,
      present: true,
      zero: !data,
      data,
      compressed: false,
      hostOffset: extent.offset,
      file: image.name,
    };
  }
}
