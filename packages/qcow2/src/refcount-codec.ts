/** Reads and writes refcounts of one width in the bytes of a refcount block. Specification: "Host cluster management". */
export interface RefcountCodec {
  /** Largest refcount that may be stored: 2^width - 1, or 2^53 - 2 for the 64-bit width. */
  readonly max: number;
  /**
   * The refcount at an index. Of 64-bit refcounts from 2^53-1 on, which nothing can have counted up to, it returns
   * 2^53-1: more than `max`, therefore never to be counted on from.
   */
  get(block: Uint8Array, index: number): number;
  /** @throws RangeError when `value` is not an integer from 0 to `max` */
  set(block: Uint8Array, index: number, value: number): void;
}

/** The codec for a `refcount_order` from 0 to 6. */
export function refcountCodec(order: number): RefcountCodec {
  const codec = codecs[order];
  if (codec === undefined) throw new RangeError(`refcount_order is ${order}, must be 0 to 6`);
  return codec;
}

/** Widths of less than a byte: the first refcount is in the least significant bits. */
function narrow(bits: number): RefcountCodec {
  const perByte = 8 / bits;
  const max = 2 ** bits - 1;
  return {
    max,
    get(block, index) {
      const byte = byteAt(block, Math.floor(index / perByte));
      return (byte >> ((index % perByte) * bits)) & max;
    },
    set(block, index, value) {
      check(value, max);
      const position = Math.floor(index / perByte);
      const shift = (index % perByte) * bits;
      block[position] = (byteAt(block, position) & ~(max << shift)) | (value << shift);
    },
  };
}

/** Whole bytes, big-endian. */
function wide(bytes: number): RefcountCodec {
  const max = Math.min(2 ** (bytes * 8) - 1, Number.MAX_SAFE_INTEGER - 1);
  return {
    max,
    get(block, index) {
      let value = 0;
      for (let i = index * bytes; i < (index + 1) * bytes; i++) value = value * 256 + byteAt(block, i);
      return value > max ? Number.MAX_SAFE_INTEGER : value;
    },
    set(block, index, value) {
      check(value, max);
      byteAt(block, index * bytes + bytes - 1);
      let rest = value;
      for (let i = (index + 1) * bytes - 1; i >= index * bytes; i--) {
        block[i] = rest % 256;
        rest = Math.floor(rest / 256);
      }
    },
  };
}

const codecs: readonly RefcountCodec[] = [narrow(1), narrow(2), narrow(4), wide(1), wide(2), wide(4), wide(8)];

function byteAt(block: Uint8Array, position: number): number {
  const byte = block[position];
  if (byte === undefined) throw new RangeError(`refcount at byte ${position} of a block of ${block.byteLength} bytes`);
  return byte;
}

function check(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`refcount is ${value}, must be an integer from 0 to ${max}`);
  }
}
