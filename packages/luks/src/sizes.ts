/** Bytes of a sector: the unit of encryption, and of the offsets in a header. */
export const SECTOR = 512;
/** Bytes of a header, without key material. */
export const HEADER_BYTES = 592;
