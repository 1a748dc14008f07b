import { type Backend, type CallOptions, extentsOf } from "@instar/backend";

/** Guest bytes in a row that come from one place; what `qemu-img map` tells. */
export interface Mapping {
  /** First guest byte. */
  readonly offset: number;
  /** Bytes, greater than 0. */
  readonly length: number;
  /** Which layer of the chain it comes from: 0 is this image, 1 its backing image, and so on. */
  readonly depth: number;
  /** Whether that layer says what is there, rather than nothing in the chain. */
  readonly present: boolean;
  /** Whether it reads as zeroes, as far as is known without reading. */
  readonly zero: boolean;
  /** Whether data is stored. */
  readonly data: boolean;
  /** Whether it is stored compressed. */
  readonly compressed: boolean;
  /** Where in `file` the first byte is stored, or would be, where it is stored as it is. */
  readonly hostOffset?: number;
  /** The name of the file that holds it. */
  readonly file?: string;
}

/** A backend that can tell where its bytes come from. */
interface Mappable {
  map(offset: number, length: number, options?: CallOptions): AsyncIterable<Mapping>;
}

/**
 * Where the bytes of a range of any backend come from: an image tells it itself; of anything else the bytes are its own.
 *
 * @throws what `map` or `extents` of the backend throws
 */
export function mapOf(
  backend: Backend,
  offset: number,
  length: number,
  options: CallOptions = {},
): AsyncIterable<Mapping> {
  return isMappable(backend) ? backend.map(offset, length, options) : mapPlain(backend, offset, length, options);
}

/** Where what an image does not have comes from: its parent, or nowhere. */
export async function* mapBelow(
  parent: Backend | undefined,
  offset: number,
  length: number,
  call: CallOptions,
): AsyncGenerator<Mapping> {
  const end = offset + length;
  const stored = Math.max(0, Math.min(end, parent?.size ?? 0) - offset);
  if (parent && stored > 0) {
    for await (const piece of mapOf(parent, offset, stored, call)) yield { ...piece, depth: piece.depth + 1 };
  }
  if (offset + stored < end) yield mappedNowhere(offset + stored, length - stored);
}

/** A range that nothing in the chain says anything of. */
export function mappedNowhere(offset: number, length: number): Mapping {
  return { offset, length, depth: 0, present: false, zero: true, data: false, compressed: false };
}

/** A range that an image says is zero. */
export function mappedZero(offset: number, length: number): Mapping {
  return { offset, length, depth: 0, present: true, zero: true, data: false, compressed: false };
}

/** A range that an image stores; as it is, where a place is given. */
export function mappedData(
  offset: number,
  length: number,
  place?: { readonly file: string; readonly hostOffset: number },
): Mapping {
  const compressed = place === undefined;
  return { offset, length, depth: 0, present: true, zero: false, data: true, compressed, ...place };
}

/** Joins pieces that are alike and lie side by side, in the guest and in the file. */
export async function* joinMappings(pieces: AsyncIterable<Mapping>): AsyncGenerator<Mapping> {
  let last: Mapping | undefined;
  for await (const piece of pieces) {
    if (last && continues(last, piece)) last = { ...last, length: last.length + piece.length };
    else {
      if (last) yield last;
      last = piece;
    }
  }
  if (last) yield last;
}

async function* mapPlain(backing: Backend, begin: number, length: number, call: CallOptions): AsyncGenerator<Mapping> {
  for await (const extent of extentsOf(backing, begin, length, call)) {
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
      file: backing.name,
    };
  }
}

function isMappable(backend: Backend): backend is Backend & Mappable {
  return "map" in backend && typeof backend.map === "function";
}

function continues(last: Mapping, next: Mapping): boolean {
  return (
    last.offset + last.length === next.offset &&
    last.depth === next.depth &&
    last.present === next.present &&
    last.zero === next.zero &&
    last.data === next.data &&
    last.compressed === next.compressed &&
    last.file === next.file &&
    (last.hostOffset === undefined ? next.hostOffset === undefined : last.hostOffset + last.length === next.hostOffset)
  );
}
