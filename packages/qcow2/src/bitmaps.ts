import type { Backend } from "@instar/backend";

/** What an image tells of a dirty bitmap. Specification: "Bitmap directory". */
export interface BitmapInfo {
  /** Its name, unique in the image: hostile input. */
  readonly name: string;
  /** Bytes of the disk that one bit stands for: a power of two from 512 to 2 GiB. */
  readonly granularity: number;
  /** Whether changes of the disk are recorded in it. */
  readonly enabled: boolean;
  /** Whether whoever wrote to the image last did not store it: it can only be removed then. */
  readonly inconsistent: boolean;
}

/** What a new bitmap is to be. */
export interface NewBitmap {
  /** 1 to 1023 bytes of UTF-8. */
  readonly name: string;
  /** Defaults to the cluster size, but at least 4 KiB and at most 64 KiB. */
  readonly granularity?: number | undefined;
  /** Not to record changes in it until it is enabled. */
  readonly disabled?: boolean | undefined;
}

/** A part of the disk that is dirty, or is not. */
export interface DirtyRange {
  /** First byte. */
  readonly offset: number;
  /** Bytes, greater than 0. */
  readonly length: number;
  /** Whether it has changed while the bitmap was enabled. */
  readonly dirty: boolean;
}

/** A bitmap of another image. */
export interface BitmapSource {
  readonly image: Backend & { readonly bitmaps: Pick<Bitmaps, "dirty"> };
  readonly name: string;
}

/**
 * The persistent dirty bitmaps of an image: which parts of the disk have changed, for incremental backup.
 *
 * Enabled ones are marked in use in the file before the first change of the image, record every change from then on,
 * and are stored when the image is closed. Where it never is, they are inconsistent, and stay refused until they are
 * removed. Too much is recorded rather than too little: a bit stands for a whole range, growing the disk makes what is
 * new dirty, and applying a snapshot all of it. Specification: "Bitmaps".
 */
export interface Bitmaps {
  /** All of them; none where a program that does not know bitmaps has written to the image since. */
  list(): Promise<readonly BitmapInfo[]>;

  /**
   * Makes a bitmap in which nothing is dirty.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` for a name or a granularity that breaks its rule, or in version 2
   */
  add(bitmap: NewBitmap): Promise<void>;

  /** Removes a bitmap. @throws {@link BackendError} `ERR_NOT_FOUND` */
  remove(name: string): Promise<void>;

  /**
   * Makes nothing dirty.
   *
   * @throws {@link BackendError} `ERR_NOT_FOUND`; {@link Qcow2Error} `ERR_INVALID_OPTION` where it is inconsistent
   */
  clear(name: string): Promise<void>;

  /** Records changes in it from now on. Throws as {@link Bitmaps.clear} does. */
  enable(name: string): Promise<void>;

  /** Records no changes in it from now on. Throws as {@link Bitmaps.clear} does. */
  disable(name: string): Promise<void>;

  /**
   * Makes dirty what is dirty in another bitmap, of this or of another image with a disk of the same size; their
   * granularities may differ. Throws as {@link Bitmaps.clear} does.
   */
  merge(source: string | BitmapSource, target: string): Promise<void>;

  /**
   * What is dirty and what is not, in ranges as long as possible. What changes meanwhile may show or not.
   *
   * @param offset the first byte to look at; defaults to 0
   * @param length how many bytes; defaults to all the rest of the disk
   * @throws as {@link Bitmaps.clear} does, when iterated; {@link BackendError} `ERR_RANGE` past the end
   */
  dirty(name: string, offset?: number, length?: number): AsyncIterable<DirtyRange>;
}
