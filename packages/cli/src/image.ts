import type { Backend } from "@instar/backend";
import type { Qcow2Image } from "@instar/qcow2";
import type { Format } from "./format-names.js";
import type { Described } from "./formats/described.js";
import type { FileIdentity } from "./location.js";
import type { ImageSpec, StorageSpec } from "./names/image-spec.js";

/** A file that an image consists of. */
export interface ImageFile {
  /** What the chain of names calls it. */
  readonly place: string;
  /** The name of the backend that reads it. */
  readonly backendName: string;
  /** Its path; absent where it is no local file. */
  readonly path: string | undefined;
  /** Which file it is. */
  readonly identity: FileIdentity | undefined;
}

/** A file of a chain of images. */
export interface Layer extends ImageFile {
  /** Where it is, as names and descriptions say. */
  readonly storage: StorageSpec;
  /** All that they say of it. */
  readonly spec: ImageSpec;
  readonly format: Format;
  /** What the guest would see if this were the top. */
  readonly disk: Backend;
  /** The same, where it is a qcow2 image. */
  readonly qcow2: Qcow2Image | undefined;
  /** What there is to tell of it where it is none. */
  readonly described: Described | undefined;
  /** Files beside it that hold its data. */
  readonly parts: readonly ImageFile[];
}

/** An image that is open. */
export interface Image {
  /** What the user called it. */
  readonly name: string;
  readonly format: Format;
  /** What the guest sees. Closing it closes everything. */
  readonly disk: Backend;
  /** The same, where it is a qcow2 image. */
  readonly qcow2: Qcow2Image | undefined;
  /** The files that it consists of: itself, its backing file, and so on. */
  readonly layers: readonly Layer[];
}

/** All files that an image consists of, those that its layers keep their data in included. */
export function filesOf({ layers }: Image): ImageFile[] {
  return layers.flatMap((layer) => [layer, ...layer.parts]);
}

/** Runs `work` with an image and closes the image, which writes out what is left; a failure of that counts. */
export async function withImage<T>(image: Image, work: (image: Image) => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work(image);
  } catch (error) {
    // The first failure is the one to tell of.
    await image.disk.close().catch(() => {});
    throw error;
  }
  await image.disk.close();
  return result;
}
