import { viewOf } from "./bytes.js";

/** Magic number of a frame, little-endian. */
const MAGIC = 0xfd2fb528;
/** Bytes of a frame header that tells no more than the size of the content, in four bytes. */
const PLAIN_HEADER = 9;

/**
 * The first zstd frame in `bytes`, without what follows it, under a header that tells nothing but the size of the
 * content: whoever unpacks it needs no more window than that, whatever the frame said.
 *
 * @throws RangeError as {@link firstFrame}
 */
export function plainFrame(bytes: Uint8Array, contentSize: number): Uint8Array {
  const { blocks, end } = frameIn(bytes, contentSize);
  const plain = new Uint8Array(PLAIN_HEADER + end - blocks);
  const plainView = viewOf(plain);
  plainView.setUint32(0, MAGIC, true);
  plainView.setUint8(4, 0xa0);
  plainView.setUint32(5, contentSize, true);
  plain.set(bytes.subarray(blocks, end), PLAIN_HEADER);
  return plain;
}

/**
 * The first zstd frame in `bytes`, without what follows it.
 *
 * @throws RangeError where it is none, needs a dictionary, says it has another size, or goes past the end of `bytes`
 */
export function firstFrame(bytes: Uint8Array, contentSize: number): Uint8Array {
  const { end, checksum } = frameIn(bytes, contentSize);
  return bytes.subarray(0, end + checksum);
}

/** Where the blocks of a frame begin and end, and the bytes of the checksum behind them. Format: RFC 8878, 3.1.1. */
function frameIn(bytes: Uint8Array, contentSize: number): { blocks: number; end: number; checksum: number } {
  const view = viewOf(bytes);
  if (bytes.byteLength < 6 || view.getUint32(0, true) !== MAGIC) throw new RangeError("no zstd frame");
  const descriptor = view.getUint8(4);
  if ((descriptor & 0x0b) !== 0) throw new RangeError("a frame with a dictionary or reserved bits");
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeAt = singleSegment ? 5 : 6;
  const sizeCode = descriptor >> 6;
  const sizeBytes = sizeCode > 0 ? 2 ** sizeCode : Number(singleSegment);
  const blocks = sizeAt + sizeBytes;
  if (sizeBytes > 0 && sizeOf(view, sizeAt, sizeBytes) !== contentSize) throw new RangeError("content of another size");
  let end = blocks;
  for (let last = false; !last;) {
    const header = view.getUint16(end, true) + view.getUint8(end + 2) * 65536;
    last = (header & 1) !== 0;
    // A block of one byte that repeats stores that byte only.
    end += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  if (end > bytes.byteLength) throw new RangeError("the frame is cut");
  return { blocks, end, checksum: (descriptor & 0x04) === 0 ? 0 : 4 };
}

function sizeOf(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  const low = view.getUint32(at, true);
  return bytes === 4 ? low : low + view.getUint32(at + 4, true) * 2 ** 32;
}
