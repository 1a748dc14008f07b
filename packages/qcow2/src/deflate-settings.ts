/** log2 of the window: readers such as QEMU unpack with one of 4 KiB, whatever the cluster size is. */
export const WINDOW_BITS = 12;
/** zlib's memory level: the most, which packs best. */
export const MEMORY_LEVEL = 9;
