import type { Backend } from "@instar/backend";

import { memoryOf } from "./reading.js";
import type { ImageSample } from "./types.js";

/** A sample, and what opens it. */
export interface Trial {
  readonly sample: ImageSample;
  /** Opens a file as `sample` would be, with the other files that it names. */
  readonly open: (file: Backend) => Promise<Backend>;
}

/** The name of the file of a sample. */
export const FILE_NAME = "the file";

/** Opens the other files of a sample; one that it has not is empty. */
export function othersOf({ others }: ImageSample): (name: string) => Promise<Backend> {
  return (name) => memoryOf(others?.get(name) ?? new Uint8Array(), name);
}
