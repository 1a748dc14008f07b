/** The hash functions, by the names that LUKS headers have for them. */
export const HASHES = ["sha256", "sha1", "sha224", "sha384", "sha512", "ripemd160", "md5"] as const;
/** A hash function. */
export type HashName = (typeof HASHES)[number];

const SIZES: Readonly<Record<HashName, number>> = {
  sha256: 32,
  sha1: 20,
  sha224: 28,
  sha384: 48,
  sha512: 64,
  ripemd160: 20,
  md5: 16,
};

/** Bytes of a digest. */
export function digestSize(hash: HashName): number {
  return SIZES[hash];
}
